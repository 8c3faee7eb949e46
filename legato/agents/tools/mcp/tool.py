"""One tool of a server."""

from collections.abc import Mapping
from typing import Final

import mcp_types as types
import trio

from legato.agents.definition import MCP_DELIMITER
from legato.agents.tools.bounds import shortened
from legato.agents.tools.contract import InputRequired, ToolDefinition, ToolOutput
from legato.agents.tools.mcp.server import McpServer
from legato.models.contract import Json

MOST_DESCRIPTION: Final = 8 * 1024  # bytes; each run pays for them with every model call


class McpTool:
    def __init__(self, server: McpServer, listed: types.Tool, timeout: float) -> None:
        """`timeout`: seconds for one call, with its repetition."""
        hints = listed.annotations or types.ToolAnnotations()
        self.definition = ToolDefinition(
            name=f"{listed.name}{MCP_DELIMITER}{server.name}",
            description=shortened(listed.description or "", MOST_DESCRIPTION),
            schema=listed.input_schema,
            read_only=bool(hints.read_only_hint),
            idempotent=bool(hints.idempotent_hint),
            destructive=hints.destructive_hint is not False,
        )
        self._server = server
        self._name = listed.name
        self._timeout = timeout

    async def call(
        self,
        arguments: Mapping[str, Json],
        call_id: str,
        *,
        answers: Mapping[str, Json] | None = None,
        state: str | None = None,
    ) -> ToolOutput | InputRequired:
        """See Tool."""
        with trio.move_on_after(self._timeout):
            return await self._server.call(
                self._name,
                arguments,
                may_repeat=self.definition.may_repeat,
                answers=answers,
                state=state,
            )
        text = f"The tool did not answer within {self._timeout:g} seconds; it was told to stop."
        return ToolOutput(text, is_error=True)
