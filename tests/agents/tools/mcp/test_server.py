"""One server, connected again and again."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import mcp_types as types
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from legato.agents.tools.contract import ToolOutput
from legato.agents.tools.mcp.connection import Connection
from legato.agents.tools.mcp.errors import Broken, NotSent, RefusedByServer
from legato.agents.tools.mcp.server import PAUSES, McpServer
from legato.models.contract import Json


class Played(Connection):
    """A connection whose calls end as a test says."""

    def __init__(self, *ends: Exception | str) -> None:
        self.lost = trio.Event()  # type: ignore[misc]
        self.calls = 0
        self._ends = list(ends)

    async def call(
        self, name: str, arguments: object, answers: object, state: object
    ) -> types.CallToolResult:
        await trio.lowlevel.checkpoint()
        self.calls += 1
        end = self._ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return types.CallToolResult(content=[types.TextContent(text=end)])


class Openings:
    """Each attempt to connect, and when it was."""

    def __init__(self, *found: Played | Exception) -> None:
        self.times: list[float] = []
        self._found = list(found)

    def __call__(self) -> AbstractAsyncContextManager[Connection]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Connection]:
        self.times.append(trio.current_time())
        found = self._found.pop(0)
        if isinstance(found, Exception):
            raise found
        yield found


async def kept(openings: Openings, use: Callable[[McpServer], object]) -> object:
    server = McpServer("odd", openings)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.keep)
        result = await use(server)  # type: ignore[misc]
        nursery.cancel_scope.cancel()
    return result


async def called(server: McpServer, *, may_repeat: bool = False) -> ToolOutput:
    arguments: dict[str, Json] = {}
    found = await server.call("tool", arguments, may_repeat=may_repeat)
    assert isinstance(found, ToolOutput)
    return found


async def test_a_server_that_cannot_be_reached_is_tried_again_after_growing_pauses(
    autojump_clock: trio.testing.MockClock,
) -> None:
    faults = [ExceptionGroup("", [OSError("no route")]) for _ in range(len(PAUSES) + 1)]
    openings = Openings(*faults, Played())

    async def wait(server: McpServer) -> None:
        with pytest.raises(NotSent, match=r"^no route$"):
            await server.connection()
        await trio.sleep(sum(PAUSES) + PAUSES[-1])

    await kept(openings, wait)

    gaps = [
        after - before for before, after in zip(openings.times, openings.times[1:], strict=False)
    ]
    assert gaps == [*PAUSES, PAUSES[-1]]


async def test_a_connection_that_fails_as_it_is_closed_harms_nobody() -> None:
    """The fault comes together with the cancellation, from another task."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[Connection]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_at_the_end)
            yield Played()

    async def fail_at_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("connection closed")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(McpServer("odd", open_).keep)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_who_is_not_patient_hears_at_once_why_there_is_no_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def wait(server: McpServer) -> float:
        await trio.sleep(0.1)
        begun = trio.current_time()
        with pytest.raises(NotSent, match="OSError"):
            await server.connection(is_patient=False)
        return trio.current_time() - begun

    assert await kept(Openings(OSError(), OSError(), OSError()), wait) == 0


async def test_a_server_that_never_ends_its_beginning_is_said_to_be_away(
    autojump_clock: trio.testing.MockClock,
) -> None:
    @asynccontextmanager
    async def never() -> AsyncIterator[Connection]:
        await trio.sleep_forever()
        yield Played()

    server = McpServer("odd", never)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.keep)
        with pytest.raises(NotSent, match="it is not connected after 30 seconds"):
            await server.connection()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("ends", "may_repeat", "text", "calls"),
    [
        (["done"], False, "done", 1),
        ([NotSent("away"), "done"], False, "done", 2),
        (
            [NotSent("away"), NotSent("away")],
            True,
            "The MCP server 'odd' failed: away.  The call was not made.",
            2,
        ),
        ([Broken("cut"), "done"], True, "done", 2),
        (
            [Broken("cut")],
            False,
            "The MCP server 'odd' failed: cut.  The call may or may not have happened, and was not "
            "made again.",
            1,
        ),
        ([RefusedByServer("no", 3)], True, "The MCP server 'odd' failed: no.", 1),
    ],
)
async def test_a_call_is_made_again_where_that_does_no_harm(
    ends: list[Exception | str],
    may_repeat: bool,
    text: str,
    calls: int,
    autojump_clock: trio.testing.MockClock,
) -> None:
    played = Played(*ends)

    async def call(server: McpServer) -> ToolOutput:
        return await called(server, may_repeat=may_repeat)

    found = await kept(Openings(played), call)

    assert found == ToolOutput(text, is_error=text != "done")
    assert played.calls == calls


async def test_a_lost_connection_is_not_handed_out_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    first, second = Played("first"), Played("second")

    async def call(server: McpServer) -> ToolOutput:
        (await server.connection()).lost.set()
        return await called(server)

    assert await kept(Openings(first, second), call) == ToolOutput("second")
