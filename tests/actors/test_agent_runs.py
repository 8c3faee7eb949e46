"""Jobs with an agent's run: one log, one ending, and no finished call made again."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from itertools import count
from typing import Any

import pytest
import trio
from msgspec import UNSET
from trio.testing import MockClock

from legato.actors.lifespan import open_supervisor
from legato.actors.resources import JobResources
from legato.agents.definition import Agent, Edge
from legato.agents.run import AgentRuns
from legato.agents.tool_run import UNKNOWN
from legato.agents.tools.contract import TaskRecord, Tool, ToolOutput
from legato.config import Limits, OnOwnerLost
from legato.content import TextPart, ToolCallPart
from legato.dialects.librechat import LibreChat
from legato.events import AnyEnding, Failed, Finished, Stopped
from legato.models.contract import Json
from legato.models.scripted import ScriptedModel
from legato.storage.memory.journal import JournalStore, MemoryJournal
from tests.support.actors import FlakyRecords, House, PlayedModel
from tests.support.agents import CountedTool, ListToolbox, agent, call, calls
from tests.support.numbers import Numbers


@asynccontextmanager
async def open_runs(
    *tools: Tool,
    records: FlakyRecords,
    journal_store: JournalStore,
    on_owner_lost: OnOwnerLost = "continue",
    journal: MemoryJournal | None = None,
    has_journal: bool = True,
    **limits: Any,
) -> AsyncIterator[House]:
    """A process: at the end of the block its journal becomes a dead owner's."""
    models = {"scripted": ScriptedModel()}
    journal = journal or MemoryJournal(journal_store)
    async with open_supervisor(
        JobResources(
            records=records,
            models=models,
            dialects={"librechat": LibreChat, "numbers": Numbers},
            limits=Limits(**limits),
            runs=AgentRuns(models, ListToolbox(*tools)),
            wall_clock=trio.current_time,
        ),
        journal=journal if has_journal else None,
        on_owner_lost=on_owner_lost,
    ) as supervisor:
        with closing(journal):
            yield House(supervisor, PlayedModel(), records)


def writer(*, text: str = "Done.") -> Agent:
    return agent(
        "writer",
        calls(call("write"), call("read"), text="One. "),
        calls(call("write"), text="Two. "),
        {"text": text},
        tools=["write", "read"],
    )


def the_tools() -> tuple[CountedTool, CountedTool]:
    return CountedTool("write"), CountedTool("read", idempotent=True)


def results(ending: AnyEnding) -> list[str]:
    assert ending.response is not None
    parts = ending.response.content or ()
    return [part.tool_call.output or "" for part in parts if isinstance(part, ToolCallPart)]


def text(ending: AnyEnding) -> str:
    assert ending.response is not None
    parts = ending.response.content or ()
    return "".join(part.text for part in parts if isinstance(part, TextPart))


async def test_a_run_is_one_answer_with_its_calls_their_results_and_the_sum_of_its_usage(
    autojump_clock: MockClock,
) -> None:
    async with open_runs(
        *the_tools(), records=FlakyRecords(), journal_store=JournalStore()
    ) as house:
        ending = await house.start(model="scripted", agents=(writer(),)).ended()

    assert isinstance(ending, Finished)
    assert text(ending) == "One. Two. Done."
    assert results(ending) == ["12:00"] * 3
    assert ending.response is not None
    assert {getattr(part, "agent_id", None) for part in ending.response.content or ()} == {
        "agent_writer"
    }
    assert ending.usage.completion_tokens == 3
    assert ending.usage.cached_tokens is UNSET


async def test_stop_ends_a_tool_that_runs(autojump_clock: MockClock) -> None:
    began, left = trio.Event(), trio.Event()

    async def hang(arguments: Mapping[str, Json]) -> str:
        began.set()
        try:
            await trio.sleep_forever()
        finally:
            left.set()

    helper = agent("helper", calls(call("hang")), tools=["hang"])
    async with open_runs(
        CountedTool("hang", hang), records=FlakyRecords(), journal_store=JournalStore()
    ) as house:
        job = house.start(model="scripted", agents=(helper,))
        await began.wait()
        reply = await job.stop()

    assert left.is_set()
    assert isinstance(reply.ending, Stopped)
    assert results(reply.ending) == [""]


class LeavingTool(CountedTool):
    """A tool that notes in its cancellation whether another process goes on with the call."""

    def __init__(self) -> None:
        super().__init__("build")
        self.began = trio.Event()
        self.was_left: bool | None = None

    async def call(
        self, *given: object, task: TaskRecord | None = None, **more: object
    ) -> ToolOutput:
        assert task is not None
        self.began.set()
        try:
            await trio.sleep_forever()
        finally:
            self.was_left = task.is_left


@pytest.mark.parametrize(("end", "is_left"), [("stop", False), ("hand_on", True), ("lose", True)])
async def test_a_tool_knows_whether_another_process_goes_on_with_its_call(
    end: str, autojump_clock: MockClock, *, is_left: bool
) -> None:
    tool = LeavingTool()
    helper = agent("helper", calls(call("build")), tools=["build"])
    async with open_runs(tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(helper,))
        await tool.began.wait()
        if end == "stop":
            await job.stop()
        else:
            getattr(house.job(job).ownership, end)()
            await trio.testing.wait_all_tasks_blocked()

    assert tool.was_left is is_left


async def test_a_run_that_takes_too_long_fails_by_name(autojump_clock: MockClock) -> None:
    async def hang(arguments: Mapping[str, Json]) -> str:
        await trio.sleep_forever()

    helper = agent("helper", calls(call("hang")), tools=["hang"])
    async with open_runs(
        CountedTool("hang", hang), records=FlakyRecords(), journal_store=JournalStore()
    ) as house:
        ending = await house.start(model="scripted", agents=(helper,)).ended()

    assert isinstance(ending, Failed)
    assert ending.reason == "max_duration"


async def test_a_run_that_was_killed_anywhere_goes_on_and_makes_no_finished_call_again(
    autojump_clock: MockClock,
) -> None:
    """Killed at a log of 1, 2, 3, … events; the tools' own counts are the witnesses."""
    taken_over = 0
    for length in count(1):
        tools, records, store = the_tools(), FlakyRecords(), JournalStore()
        is_whole = await _killed_at(length, tools, records, store)
        async with open_runs(*tools, records=records, journal_store=store) as house:
            found = [*house.supervisor.registry]
            endings = [await job.ref.ended() for job in found]
        for ending in endings:
            _check_taken_over(ending, *tools)
        taken_over += len(endings)
        if is_whole:
            break

    assert taken_over > 10


def _check_taken_over(ending: AnyEnding, write: CountedTool, read: CountedTool) -> None:
    told = results(ending)
    assert isinstance(ending, Finished)
    assert text(ending) == "One. Two. Done."
    assert len(write.calls) <= 2
    assert len(write.calls) - told.count(UNKNOWN) <= len([each for each in told if each == "12:00"])
    assert len(read.calls) <= 2  # the second time, nobody knows whether `read` was called before


async def _killed_at(
    length: int, tools: tuple[CountedTool, CountedTool], records: FlakyRecords, store: JournalStore
) -> bool:
    """Run until the log has `events` events, and leave as a killed process does.

    Returns whether the run had come to its end before.
    """
    is_whole = False
    with trio.CancelScope() as life:
        async with open_runs(*tools, records=records, journal_store=store) as house:
            actor = house.job(house.start(model="scripted", agents=(writer(),)))
            while actor.feed.log.tail < length and actor.feed.ending is None:
                await trio.lowlevel.checkpoint()
            is_whole = actor.feed.ending is not None
            life.cancel()
            await trio.lowlevel.checkpoint()
    return is_whole


async def test_a_process_that_seals_ends_what_another_began(autojump_clock: MockClock) -> None:
    tools, records, store = the_tools(), FlakyRecords(), JournalStore()
    await _killed_at(4, tools, records, store)
    async with open_runs(
        *tools, records=records, journal_store=store, on_owner_lost="seal"
    ) as house:
        [job] = [*house.supervisor.registry]
        ending = await job.ref.ended()

    assert isinstance(ending, Failed)
    assert ending.reason == "server_restart"


async def test_the_next_agent_is_told_of_in_the_answer(autojump_clock: MockClock) -> None:
    edge = Edge(origin="agent_first", target="agent_second", edge_type="direct")
    first = agent("first", {"text": "One. "}, edges=[edge])
    second = agent("second", {"text": "Two."})
    async with open_runs(records=FlakyRecords(), journal_store=JournalStore()) as house:
        ending = await house.start(model="scripted", agents=(first, second)).ended()

    assert ending.response is not None
    kinds = [type(part).__name__ for part in ending.response.content or ()]
    assert kinds == ["TextPart", "AgentUpdatePart", "TextPart"]
