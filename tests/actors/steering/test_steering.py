"""Words for a running job: each is read once, or comes back."""

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.mailbox import ActorError, ReplyTo
from legato.actors.messages import Ask
from legato.actors.steering.interjections import Receipt, Rejected, Steer, SteerReceipt
from legato.actors.steering.verdicts import MOST_STEERS, MOST_WAITING
from legato.agents.tool_run import STEERED_CALL
from legato.content import ToolCallPart, Usage
from legato.events import Finished, SteerApplied, SteerReturned
from legato.models.contract import ChatMessage, Json, TextChunk, ToolCallChunk, UsageReport
from legato.storage.memory.journal import JournalStore
from tests.actors.test_agent_runs import open_runs, text, writer
from tests.support.actors import FlakyJournal, FlakyRecords, House, SlowToClose, open_house
from tests.support.agents import CountedTool, agent, call, calls
from tests.support.steering import cancel, found, steer, taken, told


async def spoken(house: House, *words: str) -> None:
    """Have the model say each word, and the job hear it."""
    for word in words:
        house.model.say(word)
        await wait_all_tasks_blocked()


async def test_a_preempting_steer_cuts_the_model_call_and_is_read_by_the_next(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start(text="Tell me.")
        await spoken(house, "Once upon ")
        receipt = await taken(job, "In French.", preempt=True)
        await spoken(house, "Il était")
        house.model.finish()
        ending = await job.ended()
        outcome = await found(job, receipt.steer.steer_id)

    assert isinstance(ending, Finished)
    assert told(ending) == ["Once upon ", "[In French.]", "Il était"]
    assert [request.messages[1:] for request in house.model.requests] == [
        (),
        (ChatMessage("assistant", "Once upon "), ChatMessage("user", "In French.")),
    ]
    assert isinstance(outcome, SteerReceipt)
    assert isinstance(outcome.outcome, SteerApplied)
    assert outcome.outcome.index == 1
    assert receipt.position == 1
    assert ending.unread == ()


async def test_a_steer_that_no_model_call_follows_comes_back_with_the_ending(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start()
        await spoken(house, "Well ")
        receipt = await taken(job, "Shorter.")
        house.model.finish()
        ending = await job.ended()
        outcome = await found(job, receipt.steer.steer_id)

    assert ending.unread == (receipt.steer,)
    assert isinstance(outcome, SteerReceipt)
    assert outcome.outcome == SteerReturned(receipt.steer.steer_id, "finished")
    assert outcome.position == 0


async def test_a_steer_that_preempts_as_the_model_ends_is_read(autojump_clock: MockClock) -> None:
    async with open_house(model=SlowToClose(seconds=5)) as house:
        job = house.start()
        await spoken(house, "Well ")
        house.model.finish()
        await trio.sleep(1)  # the connection is being closed
        await taken(job, "And then?", preempt=True)
        await trio.sleep(5)
        house.model.say("The end.")
        house.model.finish()
        ending = await job.ended()

    assert told(ending) == ["Well ", "[And then?]", "The end."]


async def test_a_waiting_steer_can_be_sent_now(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await spoken(house, "Well ")
        first = await steer(job, "Shorter.", client_id="mine")
        again = await steer(job, "Shorter.", client_id="mine", preempt=True)
        await spoken(house, "Yes.")
        house.model.finish()
        ending = await job.ended()

    assert isinstance(first, SteerReceipt)
    assert isinstance(again, SteerReceipt)
    assert again.steer == replace(first.steer, preempt=True)
    assert told(ending) == ["Well ", "[Shorter.]", "Yes."]


async def test_the_same_steer_again_is_the_same_steer(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await spoken(house, "Well ")
        first = await steer(job, "Shorter.", client_id="mine")
        again = await steer(job, "Shorter.", client_id="mine")
        other = await steer(job, "Longer.", client_id="mine")
        status = await job.status()
        await job.stop()
        late = await steer(job, "Shorter.", client_id="mine")

    assert isinstance(first, SteerReceipt)
    assert isinstance(again, SteerReceipt)
    assert isinstance(late, SteerReceipt)
    assert first == again
    assert late.outcome == SteerReturned(first.steer.steer_id, "stopped")
    assert isinstance(other, Rejected)
    assert other.reason == "other_text"
    assert len(status.snapshot.steers) == 1
    assert first.cursor.seq == status.cursor.seq


async def test_a_cancelled_steer_is_read_by_nobody_and_comes_back_to_nobody(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start()
        await spoken(house, "Well ")
        receipt = await taken(job)
        gone = await cancel(job, receipt.steer.steer_id)
        again = await cancel(job, receipt.steer.steer_id)
        unknown = await cancel(job, "nix")
        house.model.finish()
        ending = await job.ended()

    assert isinstance(gone, SteerReceipt)
    assert isinstance(again, SteerReceipt)
    assert gone.outcome == again.outcome == SteerReturned(receipt.steer.steer_id, "cancelled")
    assert isinstance(unknown, Rejected)
    assert unknown.reason == "unknown_steer"
    assert ending.unread == ()
    assert told(ending) == ["Well "]


async def test_a_preempting_steer_that_is_cancelled_at_once_costs_no_text(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start()
        await spoken(house, "Well ")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: steer(job, "Stop.", client_id="c", preempt=True))
            nursery.start_soon(lambda: cancel(job, "c"))
        await spoken(house, "done")
        house.model.finish()
        ending = await job.ended()

    assert "".join(told(ending)).replace("[Stop.]", "") == "Well done"


async def test_a_job_takes_no_steer_before_it_began_nor_after_its_end(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        house.records.hold()
        job = house.start()
        await wait_all_tasks_blocked()
        early = await steer(job)
        house.records.release()
        await spoken(house, "Well ")
        stopped = await job.stop()
        late = await steer(job)

    assert isinstance(early, Rejected)
    assert early.reason == "not_begun"
    assert isinstance(late, Rejected)
    assert (late.reason, late.ending) == ("ended", stopped.ending)
    assert late.cursor == stopped.cursor


async def test_a_job_takes_so_many_steers(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await spoken(house, "Well ")
        for _ in range(MOST_STEERS - MOST_WAITING):
            await cancel(job, (await taken(job)).steer.steer_id)
        places = [(await taken(job)).position for _ in range(MOST_WAITING)]
        full = await steer(job)
        await cancel(job, (await job.status()).snapshot.waiting_steers[0].steer_id)
        most = await steer(job)
        await job.stop()

    assert places == [*range(1, MOST_WAITING + 1)]
    assert isinstance(full, Rejected)
    assert full.reason == "too_many_steers"
    assert isinstance(most, Rejected)
    assert most.reason == "too_many_receipts"


async def test_a_steer_is_durable_before_its_reply(autojump_clock: MockClock) -> None:
    journal = FlakyJournal()
    async with open_house(journal=journal) as house:
        job = house.start()
        await spoken(house, "Well ")
        journal.down = True
        lost = await steer(job, client_id="mine")
        journal.down = False
        kept = await steer(job, client_id="mine")
        await job.stop()

    assert isinstance(lost, Rejected)
    assert lost.reason == "storage_unavailable"
    assert isinstance(kept, SteerReceipt)


async def test_an_agents_next_model_call_reads_the_steer(autojump_clock: MockClock) -> None:
    began, free = trio.Event(), trio.Event()

    async def wait(arguments: object) -> str:
        began.set()
        await free.wait()
        return "12:00"

    tools = CountedTool("write", wait), CountedTool("read")
    async with open_runs(*tools, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(writer(),))
        await began.wait()
        receipt = await taken(job, "Hurry.", preempt=True)  # a running tool is never cut
        free.set()
        ending = await job.ended()
        outcome = await found(job, receipt.steer.steer_id)

    assert text(ending) == "One. Two. Done."
    assert told(ending) == ["One. ", "[Hurry.]", "Two. ", "Done."]
    assert isinstance(outcome, SteerReceipt)
    assert isinstance(outcome.outcome, SteerApplied)
    assert outcome.outcome.origin.call_no == 1


async def test_a_cut_tool_call_is_not_made(autojump_clock: MockClock) -> None:
    tool = CountedTool("write")
    async with open_runs(tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        helper = replace(agent("helper", tools=["write"]), model="played", parameters={})
        house.supervisor._env.resources.models["played"] = house.model  # type: ignore[index]
        job = house.start(model="played", agents=(helper,))
        house.model.play(ToolCallChunk(0, "c1", "write", '{"a'))
        await wait_all_tasks_blocked()
        await taken(job, "No!", preempt=True)
        await spoken(house, "As you like.")
        house.model.finish()
        ending = await job.ended()

    assert tool.calls == []
    assert told(ending) == ["[No!]", "As you like."]
    assert ending.response is not None
    [made] = [each for each in ending.response.content or () if isinstance(each, ToolCallPart)]
    assert made.tool_call.output == STEERED_CALL
    assert [each.role for each in house.model.requests[1].messages] == ["user"]


async def test_a_steered_answer_reads_the_same_in_the_next_turn(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        first = house.start(text="Tell me.")
        await spoken(house, "Once ")
        await taken(first, "In French.", preempt=True)
        await spoken(house, "Il")
        house.model.finish()
        await first.ended()
        second = house.start(text="Go on.")
        await spoken(house, "était")
        house.model.finish()
        await second.ended()

    assert [(each.role, each.text) for each in house.model.requests[-1].messages] == [
        ("user", "Tell me."),
        ("assistant", "Once "),
        ("user", "In French."),
        ("assistant", "Il"),
        ("user", "Go on."),
    ]


async def test_agents_calls_before_a_steer_are_not_made_again(autojump_clock: MockClock) -> None:
    """A script has an entry for each model call, whatever the user says between."""
    helper = agent("helper", calls(call("read")), {"text": "Done."}, tools=["read"])
    waiting = trio.Event()

    async def wait(arguments: object) -> str:
        await waiting.wait()
        return "12:00"

    tool = CountedTool("read", wait)
    async with open_runs(tool, records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = house.start(model="scripted", agents=(helper,))
        await wait_all_tasks_blocked()
        await taken(job, "Hurry.")
        waiting.set()
        ending = await job.ended()

    assert len(tool.calls) == 1
    assert told(ending) == ["[Hurry.]", "Done."]


async def test_a_bare_answer_that_was_steered_goes_on_in_the_next_process(
    autojump_clock: MockClock,
) -> None:
    """The model goes on from its own last words, not from the words before the steer."""
    records, store = FlakyRecords(), JournalStore()
    script: dict[str, Json] = {"script": [{"text": "a b c d"}, {"text": "e f g h"}], "rate": 1}
    with trio.CancelScope() as process:
        async with open_runs(records=records, journal_store=store) as house:
            job = house.start(model="scripted", parameters=script)
            await trio.sleep(1.5)
            await taken(job, "Go on.", preempt=True)
            await trio.sleep(1.6)
            await house.supervisor.written()
            process.cancel()
    async with open_runs(records=records, journal_store=store) as house:
        [job] = [each.ref for each in house.supervisor.registry.all_running()]
        ending = await job.ended()

    texts = told(ending)
    assert texts[1:] == ["[Go on.]", "e f g h"]
    assert "a b c d".startswith(texts[0].strip())


async def test_a_steer_before_any_word_goes_on_in_the_next_process(
    autojump_clock: MockClock,
) -> None:
    records, store = FlakyRecords(), JournalStore()
    script: dict[str, Json] = {"script": [{"text": "a b"}, {"text": "c d"}], "delay": 9}
    with trio.CancelScope() as process:
        async with open_runs(records=records, journal_store=store) as house:
            job = house.start(model="scripted", parameters=script)
            await trio.sleep(1)
            await taken(job, "Go on.", preempt=True)
            await trio.sleep(1)
            await house.supervisor.written()
            process.cancel()
    async with open_runs(records=records, journal_store=store) as house:
        [job] = [each.ref for each in house.supervisor.registry.all_running()]
        ending = await job.ended()

    assert told(ending) == ["[Go on.]", "c d"]


async def test_a_job_with_another_owner_by_now_takes_no_steer(autojump_clock: MockClock) -> None:
    async with open_house(journal=FlakyJournal()) as house:
        actor = house.job(house.start())
        await spoken(house, "Well ")
        send, receive = trio.open_memory_channel[Receipt | ActorError](1)
        actor.ownership.lose()
        actor.handle(Ask(Steer("s", "Shorter.", 1), ReplyTo(send)))  # came in the same moment
        with receive, pytest.raises(trio.EndOfChannel):
            await receive.receive()


async def test_the_words_of_a_cut_call_are_counted(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await spoken(house, "one two three ")
        await taken(job, "Go on.", preempt=True)
        house.model.play(TextChunk("four"), UsageReport(Usage(9, 1)))
        house.model.finish()
        ending = await job.ended()

    assert ending.usage == Usage(9, 4)


async def test_a_provider_that_counts_more_is_believed(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await spoken(house, "one ")
        await taken(job, "Go on.", preempt=True)
        house.model.play(TextChunk("two"), UsageReport(Usage(9, 7)))
        house.model.finish()
        ending = await job.ended()

    assert ending.usage == Usage(9, 7)
