"""An open connection to a server: the tools that it lists, and calls."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import chain, repeat
from typing import Any, Final, TypeVar

import mcp_types as types
import trio
from mcp import Client, MCPError
from mcp.client.session import IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp_types import CallToolResult, InputRequiredResult
from pydantic import BaseModel, TypeAdapter, ValidationError

from legato.agents.tools.mcp.errors import NOT_SENT, TOO_LONG, Broken, NotSent, RefusedByServer
from legato.agents.tools.mcp.http import http_client
from legato.agents.tools.mcp.process import Guardian, open_process
from legato.agents.tools.mcp.tasks import (
    ANYTHING,
    TASK,
    TASKS,
    BegunTask,
    ServerTask,
    cancel_task,
    get_task,
    update_task,
)
from legato.config.tools import McpSettings
from legato.models.contract import Json

CONNECT_TIMEOUT: Final = 30.0
"""Seconds from a process's begin to its list of tools: `npx` and `uvx` fetch packages first."""

MOST_PAGES: Final = 20
"""Pages of one list of tools: a server that never ends its list must not keep anybody waiting."""

SHORTEST_TTL: Final = 5.0
"""Seconds for which a list holds at least: servers that say nothing say 0, and each run asks."""

LISTING_TIMEOUT: Final = 10.0  # seconds for all pages

LISTENING_PAUSES: Final = (1.0, 5.0, 30.0, 60.0)
"""Seconds before each next attempt to hear of changes."""

_Result = CallToolResult | InputRequiredResult | BegunTask
_RESULT: Final[TypeAdapter[_Result]] = TypeAdapter(_Result)
_Kind = TypeVar("_Kind", bound=BaseModel)

_BROKEN: Final = (types.CONNECTION_CLOSED, types.PARSE_ERROR)
_SESSION_ENDED: Final = "Session terminated"  # as the `mcp` package words a 404


class Connection:
    """One connection, from its opening to its loss.  Safe to use from many tasks at once.

    `lost` is set by whoever sees first that the connection is of no more use; the task that opened
    the connection waits for that.
    """

    def __init__(self, client: Client, lost: trio.Event) -> None:
        self.lost: Final = lost
        self._client = client
        self._tools: Sequence[types.Tool] = ()
        self._fresh_until = float("-inf")

    async def tools(self) -> Sequence[types.Tool]:
        """The tools, listed again where the server said that the list has changed or grown old.

        Raises:
            Broken, RefusedByServer: the list cannot be had.
        """
        if trio.current_time() >= self._fresh_until:
            with trio.move_on_after(LISTING_TIMEOUT) as scope:
                await self._list()
            if scope.cancelled_caught:
                raise RefusedByServer(f"the server did not list its tools in {LISTING_TIMEOUT:g} s")
        return self._tools

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Json],
        answers: Mapping[str, Json] | None,
        state: str | None,
    ) -> _Result:
        """Call a tool once.  Leaving by cancellation sends the server a cancellation.

        Raises:
            NotSent, Broken, RefusedByServer: there is no result, and why.
        """
        params: dict[str, object] = {"name": name, "arguments": dict(arguments)}
        if answers is not None or state is not None:
            params |= {"inputResponses": answers, "requestState": state}
        with _fitting():
            request = types.CallToolRequest.model_validate({"params": params})
        try:
            return await self._asked(request, _RESULT)
        except RefusedByServer as error:
            if error.args[1:] != (types.HEADER_MISMATCH,):
                raise
        # The server refused before it ran anything: the list that the headers come from is old.
        await self._list()
        return await self._asked(request, _RESULT)

    async def task(self, task_id: str) -> ServerTask:
        """Ask for a task.  Raises NotSent, Broken, RefusedByServer."""
        return await self._asked(get_task(task_id), TASK)

    async def update_task(self, task_id: str, answers: Mapping[str, Json]) -> None:
        """Answer a task's questions.  Raises NotSent, Broken, RefusedByServer."""
        with _fitting():
            request = update_task(task_id, answers)
        await self._asked(request, ANYTHING)

    async def cancel_task(self, task_id: str) -> None:
        """Tell the server that nobody waits.  Raises NotSent, Broken, RefusedByServer."""
        await self._asked(cancel_task(task_id), ANYTHING)

    async def _asked(self, request: types.Request[Any, Any], kind: TypeAdapter[_Kind]) -> _Kind:
        # Not `call_tool`, which checks results by schemas of the server in this process: an
        # expression there could hold all tasks, and a model reads odd results, too.
        with _worded(self.lost):
            return await self._client.session.send_request(request, kind)

    async def _list(self) -> None:
        tools: list[types.Tool] = []
        cursor, ttl = None, 0.0
        with _worded(self.lost):
            for _ in range(MOST_PAGES):
                page = await self._client.list_tools(cursor=cursor)
                tools += page.tools
                ttl, cursor = page.ttl_ms / 1000, page.next_cursor
                if cursor is None:
                    break
        self._tools = tools
        self._fresh_until = trio.current_time() + max(ttl, SHORTEST_TTL)

    def changed(self) -> None:
        """Have the tools listed again when somebody wants them."""
        self._fresh_until = float("-inf")

    async def hear_changes(self) -> None:
        """Hear of changed lists where the server tells only those that listen (2026-07-28)."""
        pauses = chain(LISTENING_PAUSES, repeat(LISTENING_PAUSES[-1]))
        while True:
            try:
                async with self._client.listen(tools_list_changed=True) as subscription:
                    async for _ in subscription:
                        self.changed()
            except SubscriptionLost:  # a proxy cuts what is silent; calls go on meanwhile
                self.changed()
            except (ListenNotSupportedError, MCPError, TimeoutError):
                return  # the list's age is enough
            await trio.sleep(next(pauses))


@contextmanager
def _fitting() -> Iterator[None]:
    """Raise RefusedByServer for answers of a wrong form."""
    try:
        yield
    except ValidationError as error:
        raise RefusedByServer(f"the answers fit no question of a tool: {_first(error)}") from None


@contextmanager
def _worded(lost: trio.Event) -> Iterator[None]:
    """Word what the `mcp` package raises; set `lost` where the connection is of no more use."""
    try:
        yield
    except MCPError as error:
        raise _meaning(error.error, lost) from None
    except ValidationError as error:
        raise RefusedByServer(f"the server answered what is no result: {_first(error)}") from None


def _meaning(error: types.ErrorData, lost: trio.Event) -> NotSent | Broken | RefusedByServer:
    if error.code == NOT_SENT:
        return NotSent(error.message)
    if error.message == _SESSION_ENDED:
        lost.set()
        return NotSent("the server has forgotten the session")
    if error.code in _BROKEN:
        return Broken(error.message.rstrip("."))
    if error.code == TOO_LONG:
        return RefusedByServer(f"{error.message}; ask for less")
    return RefusedByServer(f"the server answered: {error.message}", error.code)


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"


@asynccontextmanager
async def open_connection(
    name: str, settings: McpSettings, guardian: Guardian | None
) -> AsyncIterator[Connection]:
    """Connect, and list the tools.  `guardian` is for a server that is a process.

    Raises:
        Exception: whatever the `mcp` package raises, mostly in groups.
    """
    lost = trio.Event()
    heard: list[Connection] = []

    async def hear(message: IncomingMessage) -> None:
        for each in heard if isinstance(message, types.ToolListChangedNotification) else ():
            each.changed()

    # The deadline is lifted by whoever has the connection: a scope must enclose what it opens.
    with trio.CancelScope(deadline=trio.current_time() + CONNECT_TIMEOUT) as scope:
        async with (
            _transport(name, settings, guardian, lost) as transport,
            Client(transport, message_handler=hear, cache=None, extensions=[TASKS]) as client,
            trio.open_nursery() as nursery,
        ):
            connection = Connection(client, lost)
            heard.append(connection)
            await connection.tools()
            scope.deadline = float("inf")
            nursery.start_soon(connection.hear_changes)
            yield connection
            nursery.cancel_scope.cancel()
    if scope.cancelled_caught:
        raise NotSent(f"it did not list its tools in {CONNECT_TIMEOUT:g} seconds")


@asynccontextmanager
async def _transport(
    name: str, settings: McpSettings, guardian: Guardian | None, lost: trio.Event
) -> AsyncIterator[Any]:
    if settings.url is None:
        assert guardian is not None
        async with open_process(name, settings, guardian, lost) as pipes:
            yield pipes
    else:
        async with http_client(settings) as client:
            yield streamable_http_client(settings.url, http_client=client)
