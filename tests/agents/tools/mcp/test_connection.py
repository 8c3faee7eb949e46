"""A connection to a server in the same process."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
import trio
from mcp import Client, MCPError
from mcp.client.subscriptions import SubscriptionLost
from mcp.server.lowlevel.server import Server

from legato.agents.tools.mcp import connection as module
from legato.agents.tools.mcp.connection import Connection, open_connection
from legato.agents.tools.mcp.errors import NOT_SENT, TOO_LONG, Broken, NotSent, RefusedByServer
from legato.agents.tools.mcp.process import open_guardian
from legato.config.tools import McpSettings

ANY: dict[str, Any] = {"type": "object"}


class Odd:
    """A server whose answers a test chooses.  `listed`: how often the tools were listed."""

    def __init__(self) -> None:
        self.listed = 0
        self.answers: list[Callable[[], types.CallToolResult]] = []
        self.pages = 1
        self.ttl = 0
        self.hangs = False

    async def list_tools(
        self, _context: Any, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        if self.hangs:
            await trio.sleep_forever()
        self.listed += 1
        page = int((params and params.cursor) or 0)
        more = str(page + 1) if page + 1 < self.pages else None
        tool = types.Tool(name=f"tool{page}", input_schema=ANY)
        return types.ListToolsResult(tools=[tool], next_cursor=more, ttl_ms=self.ttl)

    async def call_tool(
        self, _context: Any, _params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        return self.answers.pop(0)()


@asynccontextmanager
async def connected(odd: Odd, mode: str = "auto") -> AsyncIterator[Connection]:
    server: Server[Any] = Server("odd", on_list_tools=odd.list_tools, on_call_tool=odd.call_tool)
    async with Client(server, cache=None, mode=mode) as client:
        yield Connection(client, trio.Event())


def fails(code: int, message: str = "no.") -> Callable[[], types.CallToolResult]:
    def answer() -> types.CallToolResult:
        raise MCPError(code, message)

    return answer


def says(text: str) -> Callable[[], types.CallToolResult]:
    return lambda: types.CallToolResult(content=[types.TextContent(text=text)])


async def test_a_list_is_kept_for_its_time_and_read_again_after_a_change(
    autojump_clock: trio.testing.MockClock,
) -> None:
    odd = Odd()
    odd.ttl = 60_000
    async with connected(odd) as connection:
        for seconds in (0, 59, 2):
            await trio.sleep(seconds)
            await connection.tools()
        assert odd.listed == 2
        connection.changed()
        await connection.tools()

    assert odd.listed == 3


async def test_a_list_without_a_time_holds_for_some_seconds(
    autojump_clock: trio.testing.MockClock,
) -> None:
    odd = Odd()
    async with connected(odd) as connection:
        for _ in range(6):
            await connection.tools()
            await trio.sleep(1)

    assert odd.listed == 2


async def test_a_list_of_many_pages_ends() -> None:
    odd = Odd()
    odd.pages = 1000
    async with connected(odd) as connection:
        assert len(await connection.tools()) == module.MOST_PAGES


async def test_a_list_that_does_not_come_keeps_nobody_waiting(
    autojump_clock: trio.testing.MockClock,
) -> None:
    odd = Odd()
    odd.hangs = True
    async with connected(odd) as connection:
        with pytest.raises(RefusedByServer, match=r"did not list its tools in 10 s"):
            await connection.tools()


@pytest.mark.parametrize(
    ("answer", "kind", "text", "is_lost"),
    [
        (fails(types.INVALID_PARAMS), RefusedByServer, "the server answered: no.", False),
        (fails(types.CONNECTION_CLOSED), Broken, "no", False),
        (fails(types.PARSE_ERROR), Broken, "no", False),
        (fails(NOT_SENT), NotSent, "no.", False),
        (fails(TOO_LONG, "too long"), RefusedByServer, "too long; ask for less", False),
        (
            fails(types.INVALID_REQUEST, "Session terminated"),
            NotSent,
            "the server has forgotten the session",
            True,
        ),
    ],
)
async def test_an_error_of_the_protocol_has_a_meaning(
    answer: Callable[[], types.CallToolResult], kind: type[Exception], text: str, is_lost: bool
) -> None:
    odd = Odd()
    odd.answers = [answer]
    async with connected(odd) as connection:
        with pytest.raises(kind) as caught:
            await connection.call("tool0", {}, None, None)
        assert connection.lost.is_set() == is_lost

    assert caught.value.args[0] == text


async def test_a_call_whose_headers_are_old_is_made_after_a_new_list() -> None:
    odd = Odd()
    odd.answers = [fails(types.HEADER_MISMATCH), says("now")]
    async with connected(odd) as connection:
        found = await connection.call("tool0", {}, None, None)

    assert found.content == [types.TextContent(text="now")]  # type: ignore[union-attr]
    assert odd.listed == 1


async def test_answers_that_fit_no_question_are_refused() -> None:
    async with connected(Odd()) as connection:
        with pytest.raises(RefusedByServer, match="the answers fit no question of a tool: params"):
            await connection.call("tool0", {}, {"name": 3}, None)


async def test_an_old_server_tells_changes_without_being_asked() -> None:
    async with connected(Odd(), mode="legacy") as connection:
        with trio.fail_after(5):
            await connection.hear_changes()


class Cut:
    """A client whose subscription is cut each time.  `begun`: when each one began."""

    def __init__(self) -> None:
        self.begun: list[float] = []

    @asynccontextmanager
    async def listen(self, *, tools_list_changed: bool) -> AsyncIterator[AsyncIterator[object]]:
        assert tools_list_changed
        self.begun.append(trio.current_time())
        yield self._events()

    async def _events(self) -> AsyncIterator[object]:
        yield object()
        raise SubscriptionLost


async def test_changes_are_heard_again_where_a_proxy_cuts_the_silence(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cut = Cut()
    with trio.move_on_after(200):
        await Connection(cut, trio.Event()).hear_changes()  # type: ignore[arg-type]

    assert cut.begun == [0, 1, 6, 36, 96, 156]


async def test_a_server_that_does_not_answer_is_said_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.2)
    mute = McpSettings(command="sleep", args=("600",))
    async with open_guardian() as guardian:
        with pytest.raises(NotSent, match=r"it did not list its tools in 0\.2 seconds"):
            async with open_connection("mute", mute, guardian):
                pass


class Wrong:
    """A client, and its session, whose server answers what is no result."""

    @property
    def session(self) -> "Wrong":
        return self

    async def send_request(self, *_: object) -> types.CallToolResult:
        return types.CallToolResult.model_validate({"content": 3})


async def test_an_answer_that_is_no_result_is_said_to_be() -> None:
    connection = Connection(Wrong(), trio.Event())  # type: ignore[arg-type]

    with pytest.raises(RefusedByServer, match="the server answered what is no result: content: "):
        await connection.call("tool0", {}, None, None)
