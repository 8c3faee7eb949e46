"""One operation as a tool: the call, and what comes back."""

import ssl
from collections.abc import Mapping
from typing import Final

import httpx
import trio

from legato.agents.tools.actions.addresses import Forbidden, resolved
from legato.agents.tools.actions.credentials import Credential
from legato.agents.tools.actions.document import Server
from legato.agents.tools.actions.operations import Operation
from legato.agents.tools.actions.requests import InvalidCall, request_of
from legato.agents.tools.bounds import NOTHING, shortened
from legato.agents.tools.contract import TaskRecord, ToolDefinition, ToolOutput
from legato.models.contract import Json

MOST_BYTES: Final = 1024 * 1024  # of an answer


class ActionTool:
    """One operation at one server.  Each call has a connection of its own.

    A kept connection would be found by its address, and two names may share an address.
    """

    def __init__(
        self,
        operation: Operation,
        server: Server,
        credential: Credential,
        trust: ssl.SSLContext,
        *,
        timeout: float,
        allow_private: bool,
    ) -> None:
        """`timeout`: seconds for one call."""
        self.definition: Final[ToolDefinition] = operation.definition
        self._operation = operation
        self._server = server
        self._credential = credential
        self._trust = trust
        self._timeout = timeout
        self._allow_private = allow_private

    async def call(
        self,
        arguments: Mapping[str, Json],
        call_id: str,
        *,
        answers: Mapping[str, Json] | None = None,
        state: str | None = None,
        task: TaskRecord | None = None,
    ) -> ToolOutput:
        """See Tool."""
        output = await self._output(arguments)
        return ToolOutput(self._credential.hide(output.text), output.is_error)

    async def _output(self, arguments: Mapping[str, Json]) -> ToolOutput:
        with trio.move_on_after(self._timeout):
            try:
                return await self._answer(arguments)
            except (Forbidden, InvalidCall) as error:
                return _failed(f"{error}.  The call was not made.")
            except httpx.ConnectError:
                return _failed(f"{self._server.host} cannot be reached.  The call was not made.")
            except httpx.HTTPError as error:
                return _failed(f"the connection broke ({error}).  The call may have happened.")
        return _failed(f"{self._server.host} did not answer within {self._timeout:g} seconds.")

    async def _answer(self, arguments: Mapping[str, Json]) -> ToolOutput:
        server, headers = self._server, self._credential.headers
        address = await resolved(server.host, server.port, allow_private=self._allow_private)
        request = request_of(server, address, self._operation, arguments, headers)
        # Neither a proxy of the environment nor a redirect chooses where the request goes.
        async with httpx.AsyncClient(verify=self._trust, trust_env=False, timeout=None) as client:
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                return await self._read(response)
            finally:
                await response.aclose()

    async def _read(self, response: httpx.Response) -> ToolOutput:
        if response.is_redirect:
            return _failed(f"status {response.status_code}: redirects are not followed.")
        body = bytearray()
        # Cancelled, not left: half-read generators of the libraries below would stay unfinished.
        with trio.CancelScope() as scope:
            async for data in response.aiter_raw():
                body += data
                if len(body) > MOST_BYTES:
                    scope.cancel()
        if len(body) > MOST_BYTES:
            return _failed(f"the answer has more than {MOST_BYTES} bytes; ask for less.")
        text = shortened(self._credential.hide(body.decode("utf-8", "replace"))) or NOTHING
        if response.is_error:
            return _failed(f"status {response.status_code}: {text}")
        return ToolOutput(text)


def _failed(reason: str) -> ToolOutput:
    return ToolOutput(f"The action failed: {reason}", is_error=True)
