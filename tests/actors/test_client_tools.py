"""Calls that the client of a run makes: one answer each, in whichever process."""

from trio.testing import MockClock

from legato.agents.asks import EXPIRED
from legato.models.contract import Json
from legato.storage.memory.journal import JournalStore
from tests.actors.test_agent_runs import open_runs, results, text
from tests.support.actors import C1, FlakyRecords, House
from tests.support.agents import CountedTool, agent, call, calls
from tests.support.parking import asked, parked
from tests.support.steering import answer

TOOLS: Json = [{"type": "function", "function": {"name": "locate", "parameters": {}}}]


def start(house: House) -> str:
    """A run that calls a tool of the client, and one of ours beside."""
    guide = agent(
        "guide",
        calls(call("locate"), call("write"), text="Let me. "),
        {"text": "Done."},
        tools=["write"],
    )
    return house.start(model="scripted", agents=(guide,), parameters={"tools": TOOLS}).job_id


async def test_a_result_comes_to_the_next_process_and_no_other_call_is_made_again(
    autojump_clock: MockClock,
) -> None:
    records, store, tool = FlakyRecords(), JournalStore(), CountedTool("write")
    async with open_runs(tool, records=records, journal_store=store) as house:
        job = house.supervisor.whereis(start(house))
        assert job is not None
        [ask] = await asked(job)
        await parked(house, job)
    async with open_runs(tool, records=records, journal_store=store, on_owner_lost="seal") as house:
        job = house.supervisor.whereis(C1)
        assert job is not None
        assert [each.ask_id for each in await asked(job)] == [ask.ask_id]
        await answer(job, ask.ask_id, "answer", value="At home.")
        ending = await job.ended()

    assert ask.kind == "client_tool"
    assert results(ending) == ["At home.", "12:00"]
    assert text(ending) == "Let me. Done."
    assert tool.calls == ["call_0_1"]


async def test_a_result_that_never_comes_is_said_to_the_model(autojump_clock: MockClock) -> None:
    async with open_runs(
        CountedTool("write"),
        records=FlakyRecords(),
        journal_store=JournalStore(),
        ask_timeout=60.0,
    ) as house:
        job = house.supervisor.whereis(start(house))
        assert job is not None
        ending = await job.ended()

    assert results(ending) == [EXPIRED, "12:00"]
    assert text(ending) == "Let me. Done."
