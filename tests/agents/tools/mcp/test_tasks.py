"""Calls that go on as tasks of a real MCP server (`io.modelcontextprotocol/tasks`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mcp_types as types
import pytest
import trio
from trio.testing import MockClock

from legato.agents.tools.contract import InputRequired, ToolOutput
from legato.agents.tools.mcp.connection import Connection
from legato.agents.tools.mcp.errors import Broken, NotSent
from legato.agents.tools.mcp.server import McpServer
from legato.agents.tools.mcp.tasks import LONGEST_PAUSE, PAUSE, SHORTEST_PAUSE, ServerTask
from legato.config.tools import McpSettings
from tests.support.http.live_server import until
from tests.support.mcp.running import Counts, by_http, said, through_forked_pipes, tools_of

WAYS = ("through pipes", "by HTTP")


class Noted:
    """A record of a task, in a variable."""

    def __init__(
        self, counts: Counts, task_id: str | None = None, *, is_left: bool = False
    ) -> None:
        self.task_id = task_id
        self.is_left = is_left
        self.polls_before = -1  # how often the task was asked for before its name was durable
        self._counts = counts

    async def keep(self, task_id: str) -> None:
        await trio.sleep(0.1)
        self.polls_before = self._counts.of(f"poll {task_id}")
        self.task_id = task_id


@pytest.fixture
def counts(tmp_path: Path) -> Counts:
    return Counts(tmp_path)


@contextmanager
def running(way: str, counts: Counts) -> Iterator[McpSettings]:
    if way == "through pipes":
        yield through_forked_pipes(counts)
    else:
        with by_http(counts) as settings:
            yield settings


@pytest.mark.parametrize("way", WAYS)
async def test_a_task_is_waited_for_and_its_name_is_durable_before_the_first_question(
    way: str, counts: Counts
) -> None:
    with running(way, counts) as settings:
        async with tools_of(settings) as (_, tools), trio.open_nursery() as nursery:
            record, found = Noted(counts), []

            async def call() -> None:
                found.append(await tools["task"].call({"text": "plain"}, "c", task=record))

            nursery.start_soon(call)
            await until(lambda: counts.of("poll plain-1") >= 2)
            counts.add("finish")

    assert found == [ToolOutput("plain is done")]
    assert (record.task_id, record.polls_before) == ("plain-1", 0)
    assert counts.of("task") == 1


async def test_a_task_that_is_known_is_waited_for_and_not_begun_again(counts: Counts) -> None:
    counts.add("finish")
    with by_http(counts) as settings:
        async with tools_of(settings) as (_, tools):
            record = Noted(counts, "plain-1")
            found = await tools["task"].call({"text": "plain"}, "c", task=record)

    assert found == ToolOutput("plain is done")
    assert counts.of("task") == 0


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("fails", "The task is failed: out of paper."),
        ("cancelled", "The task is cancelled: somebody else did."),
        (
            "lost",
            "The MCP server 'odd' failed: the server answered: there is no such task.  "
            "The call may or may not have happened, and was not made again.",
        ),
    ],
)
async def test_a_task_without_a_result_is_said_to_have_none(
    kind: str, text: str, counts: Counts
) -> None:
    with by_http(counts) as settings:
        async with tools_of(settings) as (_, tools):
            assert await said(tools["task"], text=kind) == text


async def test_a_task_that_asks_goes_on_with_the_answer(counts: Counts) -> None:
    with by_http(counts) as settings:
        async with tools_of(settings) as (_, tools):
            record = Noted(counts)
            asked = await tools["task"].call({"text": "asks"}, "c", task=record)
            assert isinstance(asked, InputRequired)
            assert asked.requests["name"]["params"]["message"] == "Your name?"  # type: ignore[index, call-overload]
            answers = {"name": {"action": "accept", "content": {"name": "Ada"}}}
            found = await tools["task"].call({}, "c", answers=answers, task=record)  # type: ignore[arg-type]

    assert found == ToolOutput("Hello Ada")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_left", [False, True])
async def test_a_stop_cancels_a_task_unless_another_process_goes_on_with_it(
    way: str, counts: Counts, *, is_left: bool
) -> None:
    with running(way, counts) as settings:
        async with tools_of(settings) as (_, tools), trio.open_nursery() as nursery:
            record = Noted(counts, is_left=is_left)

            async def call() -> None:
                await tools["task"].call({"text": "plain"}, "c", task=record)

            nursery.start_soon(call)
            await until(lambda: counts.of("poll plain-1") >= 1)
            nursery.cancel_scope.cancel()

    assert counts.of("cancel plain-1") == (0 if is_left else 1)


async def test_a_task_that_does_not_end_in_time_is_cancelled(counts: Counts) -> None:
    with by_http(counts, task_timeout=0.3) as settings:
        async with tools_of(settings) as (_, tools):
            text = await said(tools["task"], text="plain")

    assert text == "The task did not end within 0.3 seconds; it was told to stop."
    assert counts.of("cancel plain-1") == 1


class Interrupted(Connection):
    """A connection that breaks, or is away, before it answers a question about a task."""

    def __init__(self, *answers: Exception | ServerTask) -> None:
        self.lost = trio.Event()  # type: ignore[misc]
        self._answers = [*answers]

    async def task(self, task_id: str) -> ServerTask:
        await trio.lowlevel.checkpoint()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_task_is_asked_for_again_after_a_break(autojump_clock: MockClock) -> None:
    done = ServerTask(status="completed", result=types.CallToolResult(content=[]))
    answers = (Broken("cut"), NotSent("away"), ServerTask(status="working"), Broken("cut"), done)
    server = McpServer("odd", lambda: None)  # type: ignore[arg-type, return-value]
    server._connection = Interrupted(*answers)

    found = await server.followed("task")

    assert found == ToolOutput("(The tool returned nothing.)")


def test_an_answered_question_is_no_new_one() -> None:
    question = types.ElicitRequest(
        params=types.ElicitRequestFormParams(message="?", requested_schema={"type": "object"})
    )
    task = ServerTask(status="input_required", input_requests={"name": question})

    assert task.outcome({"name"}) is None
    assert isinstance(task.outcome(), InputRequired)


@pytest.mark.parametrize(
    ("said_ms", "seconds"),
    [(None, PAUSE), (0, SHORTEST_PAUSE), (2000, 2.0), (1e9, LONGEST_PAUSE)],
)
def test_a_server_says_how_often_a_task_may_be_asked_for_within_bounds(
    said_ms: float | None, seconds: float
) -> None:
    assert ServerTask(status="working", poll_interval_ms=said_ms).pause == seconds
