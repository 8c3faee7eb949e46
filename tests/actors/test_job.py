"""A job's life, on the mock clock."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.mailbox import ActorStopped, Mailbox, ReplyTo
from legato.actors.messages import (
    Append,
    Ask,
    AskChanged,
    Opened,
    Overdue,
    Standing,
    Stop,
    StopReply,
)
from legato.actors.ref import JobRef
from legato.actors.subscription import Subscription
from legato.content import ErrorPart, TextPart, ThinkPart, Usage
from legato.events import (
    Answered,
    Created,
    Ending,
    Failed,
    Finished,
    StepStarted,
    Stopped,
    TextDelta,
)
from legato.models.contract import ChatMessage, ReasoningChunk, TextChunk, UsageReport
from tests.support.actors import C1, SimulatedClient, crash, open_house


async def follow(job: JobRef) -> SimulatedClient:
    client = SimulatedClient()
    subscription = Subscription(job, "librechat", "beginning")
    while client.terminal is None:
        client.feed((await subscription.receive()).data)
    subscription.leave()
    return client


async def ending_of(job: JobRef) -> Ending:
    await follow(job)
    return (await job.stop()).ending


async def test_a_generation_is_stored_before_it_is_said(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        house.model.say("hello ")
        house.model.play(TextChunk("ann"), UsageReport(Usage(1, 2, 0)))
        house.records.hold()
        house.model.finish()
        house.records.release()
        client = await follow(job)
        question, answer = await house.records.messages(C1)

        assert client.seqs == [1, 2, 3, 4, 5]
        assert client.content == [{"type": "text", "text": "hello ann"}]
        assert (question.text, answer.content) == ("hello", (TextPart("hello ann"),))
        assert (answer.usage, answer.finish_reason) == (Usage(1, 2, 0), "stop")
        assert answer.parent_message_id == question.message_id


async def test_opened_says_what_was_created(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()

        created = await job.opened()
        assert isinstance(created, Created)
        assert created.request.text == "hello"
        assert await job.opened() == created


async def test_a_turn_that_cannot_be_stored_fails_by_name(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        house.records.down = True
        job = house.start()

        failed = await job.opened()
        assert isinstance(failed, Failed)
        assert failed.reason == "storage_unavailable"
        assert house.model.requests == []
        client = await follow(job)
        assert client.frames == [{"error": failed.message}]
        assert (await job.status()).standing is Standing.ERROR


async def test_a_model_that_fails_leaves_what_it_said_and_the_reason(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start()
        house.model.say("half")
        house.model.fail()
        ending = await ending_of(job)

        assert isinstance(ending, Failed)
        assert ending.reason == "provider_error"
        assert ending.response is not None
        assert ending.response.content == (
            TextPart("half"),
            ErrorPart("The provider fell over."),
        )
        assert ending.response.unfinished
        assert (await house.records.messages(C1))[-1].content == ending.response.content


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"model_idle_timeout": 5.0}, "model_idle_timeout"), ({"max_duration": 60}, "max_duration")],
)
async def test_a_model_that_takes_too_long_fails_by_name(
    autojump_clock: MockClock, limits: Mapping[str, Any], reason: str
) -> None:
    async with open_house(**limits) as house:
        job = house.start()
        await job.opened()
        for _ in range(3):
            await trio.sleep(4)
            house.model.say("w ")
        ending = await ending_of(job)

        assert isinstance(ending, Failed)
        assert ending.reason == reason
        assert ending.response is not None
        assert house.model.open_connections == 0


@pytest.mark.parametrize("gap", [0.0, 0.01, 0.049, 0.05, 0.3, 4.9])
async def test_a_silence_is_measured_from_the_last_word_to_a_hundredth(
    autojump_clock: MockClock, gap: float
) -> None:
    async with open_house(model_idle_timeout=5.0) as house:
        job = house.start()
        await job.opened()
        for _ in range(17):
            await trio.sleep(gap)
            house.model.say("w ")
        last_word = trio.current_time()
        ending = await ending_of(job)

        assert isinstance(ending, Failed)
        assert ending.reason == "model_idle_timeout"
        assert 5.0 <= trio.current_time() - last_word <= 5.05 + 1e-9


async def test_a_provider_that_sends_no_word_but_is_alive_is_waited_for(
    autojump_clock: MockClock,
) -> None:
    """A batch without events is a comment, a ping, or half an event."""
    async with open_house(model_idle_timeout=5.0) as house:
        job = house.start()
        await job.opened()
        for _ in range(9):
            await trio.sleep(4)
            house.model.play()
        house.model.say("w ")
        house.model.finish()

        assert isinstance(await ending_of(job), Finished)


@pytest.mark.parametrize("gap", [0.01, 0.3, 4.9])
async def test_a_model_that_talks_all_the_time_is_cut_at_the_longest_duration(
    autojump_clock: MockClock, gap: float
) -> None:
    async with open_house(model_idle_timeout=5.0, max_duration=6.0) as house:
        job = house.start()
        await job.opened()
        begun = trio.current_time()

        async def talk() -> None:
            while True:
                await trio.sleep(gap)
                house.model.say("w ")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk)
            ending = await ending_of(job)
            nursery.cancel_scope.cancel()

        assert isinstance(ending, Failed)
        assert ending.reason == "max_duration"
        assert trio.current_time() - begun == pytest.approx(6.0)


async def test_an_answer_that_is_too_long_ends_incomplete(autojump_clock: MockClock) -> None:
    async with open_house(max_answer_bytes=10) as house:
        job = house.start()
        house.model.say("é" * 6)
        house.model.say("never taken")
        ending = await ending_of(job)

        assert isinstance(ending, Finished)
        assert ending.reason == "max_answer_bytes"
        assert ending.response is not None
        assert ending.response.content == (TextPart("é" * 6),)


async def test_a_continued_answer_grows_no_longer_than_another(autojump_clock: MockClock) -> None:
    async with open_house(max_answer_bytes=10) as house:
        house.model.say("123456")
        house.model.finish()
        ending = await ending_of(house.start())
        for _ in range(4):
            house.model.say("123456")
            house.model.finish()
            ending = await ending_of(house.start(revise="answer-1", response_id="answer-1"))

        assert isinstance(ending, Finished)
        assert ending.reason == "max_answer_bytes"
        assert ending.response is not None
        assert ending.response.content == (TextPart("123456123456"),)


async def test_an_ending_that_cannot_be_stored_is_said_all_the_same(
    autojump_clock: MockClock,
) -> None:
    async with open_house(store_timeout=3) as house:
        job = house.start()
        house.model.say("hello")
        await job.opened()
        house.records.down = True
        house.model.finish()
        ending = await ending_of(job)

        assert ending.unsaved
        assert ending.response is not None
        house.records.down = False
        await trio.sleep(10)
        assert (await house.records.messages(C1))[-1].content == ending.response.content


async def test_an_answer_that_no_storage_takes_is_said_unsaved_at_once(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        house.records.unstorable = True
        job = house.start()
        house.model.say("hello")
        house.model.finish()
        began = trio.current_time()

        assert (await ending_of(job)).unsaved
        assert trio.current_time() == began


async def test_a_storage_that_hangs_holds_no_reader_up(autojump_clock: MockClock) -> None:
    async with open_house(store_timeout=3) as house:
        job = house.start()
        house.model.say("hello")
        await job.opened()
        house.records.hold()
        house.model.finish()

        assert (await ending_of(job)).unsaved


async def test_a_storage_that_hangs_at_the_opening_holds_no_stop_up(
    autojump_clock: MockClock,
) -> None:
    async with open_house(store_timeout=10) as house:
        house.records.hold()
        job = house.start()
        await wait_all_tasks_blocked()
        with trio.fail_after(11):
            reply = await job.stop()
        house.records.release()
        await wait_all_tasks_blocked()

        assert isinstance(reply.ending, Stopped)
        assert reply.ending.unsaved
        assert (await follow(job)).seqs == [1]


async def test_usage_that_nobody_counted_is_estimated(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start(text="one two three")
        house.model.play(ReasoningChunk("hm hm"), TextChunk("a b c"))
        await job.opened()
        await wait_all_tasks_blocked()

        assert (await job.stop()).ending.usage == Usage(3, 5, 2)


async def test_a_stop_before_a_word_stores_nothing(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        reply = await job.stop()

        assert isinstance(reply.ending, Stopped)
        assert not reply.already_ended
        assert reply.ending.response is None
        assert [message.text for message in await house.records.messages(C1)] == ["hello"]
        assert (await job.status()).standing is Standing.ABORTED


async def test_a_stop_that_overtakes_the_opening_knows_what_was_stored(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        house.records.returning = trio.Event()
        job = house.start()
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(job.stop)
            await wait_all_tasks_blocked()
            house.records.returning.set()
        client = await follow(job)
        ending = (await job.stop()).ending

        assert client.seqs == [1, 2]
        assert isinstance(ending, Stopped)
        assert ending.request is not None
        assert [stored.message_id for stored in await house.records.messages(C1)] == ["question-1"]


async def test_a_stop_after_the_end_changes_nothing(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        house.model.say("hello")
        house.model.finish()
        await follow(job)
        reply = await job.stop()

        assert reply.already_ended
        assert isinstance(reply.ending, Finished)
        assert (await job.status()).standing is Standing.COMPLETE


async def test_a_job_leaves_after_its_retention(autojump_clock: MockClock) -> None:
    async with open_house(retention=60) as house:
        job = house.start()
        house.model.say("hello")
        house.model.finish()
        await follow(job)
        await trio.sleep(59)
        await follow(job)
        await trio.sleep(2)

        with pytest.raises(ActorStopped):
            await job.status()
        with pytest.raises(ActorStopped):
            await follow(job)
        assert house.supervisor.whereis(C1) is None


async def test_a_crash_in_a_job_ends_that_job_and_stores_what_it_had(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start()
        house.model.say("half")
        await wait_all_tasks_blocked()
        house.model.fail(RuntimeError("a bug"))
        ending = await ending_of(job)

        assert isinstance(ending, Failed)
        assert ending.reason == "internal_error"
        assert ending.response is not None
        assert "a bug" not in ending.message
        assert (await house.records.messages(C1))[-1].content == ending.response.content
        again = house.start()
        house.model.finish()
        assert isinstance(await ending_of(again), Finished)


async def test_a_crash_after_the_end_leaves_the_ending_to_read(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        house.model.say("hello")
        house.model.finish()
        client = await follow(job)
        await crash(job)

        assert (await follow(job)).frames == client.frames


async def test_what_comes_after_the_decision_has_lost(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        ref = house.start()
        created = await ref.opened()
        assert isinstance(created, Created)
        job = house.job(ref)
        assert job.opening is not None

        mailbox = Mailbox[ReplyTo[StopReply]]()
        async with trio.open_nursery() as nursery:
            with closing(mailbox):
                nursery.start_soon(mailbox.ref.ask, lambda reply_to: reply_to)
                job.handle(Ask(Stop(), await mailbox.receive()))
                job.handle(Append((StepStarted(0, "text"), TextDelta(0, "late"))))
                job.handle(Opened(job.opening))
        client = await follow(ref)

        assert client.seqs == [1, 2]
        assert client.content == []


async def test_a_job_knows_when_it_was_started(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        assert house.start().created_at == 1795437808378


async def test_a_thought_that_goes_on_is_kept(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        house.model.play(ReasoningChunk("h"), ReasoningChunk("m"))
        house.model.finish()

        response = (await ending_of(job)).response
        assert response is not None
        assert response.content == (ThinkPart("hm"),)


async def test_what_is_overdue_after_the_end_changes_nothing(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        ref = house.start()
        house.model.finish()
        reply = await ref.stop()
        house.job(ref).handle(Overdue())
        assert await ref.stop() == replace(reply, already_ended=True)


async def test_a_question_after_a_failed_turn_is_asked_together_with_that_turns(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        first = house.start(text="first")
        house.model.fail()
        await ending_of(first)
        second = house.start(text="second")
        house.model.finish()
        await ending_of(second)

        assert house.model.requests[-1].messages == (ChatMessage("user", "first\n\nsecond"),)


async def test_what_a_run_asks_after_a_stop_is_not_said(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        await job.stop()
        ended = house.job(job)
        tail = ended.feed.log.tail
        ended.handle(AskChanged(Answered(ask_id="late", decision="deny")))

        assert ended.feed.log.tail == tail


async def test_without_a_journal_all_counts_as_settled(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.supervisor.settled()
