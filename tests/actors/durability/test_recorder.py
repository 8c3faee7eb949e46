"""A write of the question is brought to an end, repeated or looked up, in every case."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.admission import NotStarted
from legato.actors.conversation.stores import turn_store
from legato.actors.conversation.turn import Turn
from legato.actors.durability.job_journal import JobJournal
from legato.actors.durability.journal_writer import NoJournal
from legato.actors.durability.recorder import Recorder
from legato.actors.durability.recording import Recording
from legato.actors.follow_ups import FollowUps
from legato.actors.lifecycle import Lifecycle
from legato.actors.local_jobs import LocalJobs
from legato.actors.mailbox import Mailbox
from legato.actors.messages import Ask, JobMessage, Opened
from legato.actors.queue.waiting_turn import WaitingTurn
from legato.actors.resources import JobResources
from legato.actors.start import StartReply, start_turn
from legato.actors.stream.feed import Feed
from legato.actors.stream.log import Log
from legato.actors.supervisor import Supervisor
from legato.config import Limits
from legato.content import Conversation, Message, TextPart
from legato.dialects.contract import Identity
from legato.events import (
    Created,
    Failed,
    Finished,
    Stopped,
)
from legato.models.contract import ModelRequest
from legato.storage.contracts.errors import StorageError
from legato.storage.memory.journal import JournalStore
from tests.support.actors import (
    C1,
    FlakyJournal,
    FlakyRecords,
    House,
    PlayedModel,
    crash,
    open_house,
)
from tests.support.replicas import open_replicas

TURN: Mapping[str, Any] = {
    "job_id": "j",
    "conversation_id": C1,
    "message_id": "q",
    "response_id": "a",
    "user": "ann",
    "model": "played",
    "text": "hello",
}


class UnheardRecords(FlakyRecords):
    """A commit is made, and the answer is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.unheard = 0

    async def open_turn(
        self, conversation: Conversation, message: Message, **given: Any
    ) -> Conversation:
        opened = await super().open_turn(conversation, message, **given)
        if self.unheard > 0:
            self.unheard -= 1
            raise StorageError("server closed the connection unexpectedly")
        return opened


async def start(house: House) -> StartReply:
    turn, jobs = house.turn(request_id="r"), LocalJobs(house.supervisor)
    return await start_turn(turn, "interrupt", jobs=jobs, records=house.records)


async def test_a_question_whose_commit_was_not_heard_is_stored_once_and_answered(
    autojump_clock: MockClock,
) -> None:
    records = UnheardRecords()
    async with open_house(records=records, journal=FlakyJournal(JournalStore())) as house:
        records.unheard = 1
        assert (await start(house)).status == "started"
        house.model.say("well")
        house.model.finish()
        await trio.sleep(5)
        assert (await start(house)).status == "resumed"
        assert [each.is_created_by_user for each in await records.messages(C1)] == [True, False]


async def test_a_question_that_was_stored_though_its_start_was_refused_has_an_answer(
    autojump_clock: MockClock,
) -> None:
    records = UnheardRecords()
    async with open_house(records=records, journal=FlakyJournal(JournalStore())) as house:
        records.unheard = 99
        records.unread = trio.Event()
        records.unread.set()
        with pytest.raises(NotStarted, match="could not be stored"):
            await start(house)
        await trio.sleep(60)
        question, answer = await records.messages(C1)
        assert answer.unfinished
        assert answer.parent_message_id == question.message_id
        assert (await start(house)).status == "settled"


async def test_a_stop_while_the_question_hangs_is_the_ending_after_a_restart_too(
    autojump_clock: MockClock,
) -> None:
    journal_store = JournalStore()
    journal = FlakyJournal(journal_store)
    async with open_house(journal=journal, store_timeout=10, retention=60) as house:
        house.records.returning = trio.Event()
        job = house.start()
        await wait_all_tasks_blocked()
        reply = await job.stop()
        assert isinstance(reply.ending, Stopped)
        house.records.returning.set()
        await trio.sleep(200)  # the job has left
        records = house.records
        assert house.supervisor.registry.find(job.job_id) is None
    journal.close()
    left = list(journal_store.stored_logs)
    async with open_house(records=records, journal=FlakyJournal(journal_store)) as house:
        again = house.supervisor.whereis(job.job_id)
        ending = None if again is None else await again.ended()
    assert (left, ending) == ([], None)


async def test_a_stop_at_the_opening_is_said_in_time_though_nothing_can_be_stored(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(store_timeout=3) as replicas:
        here, _ = replicas.seats
        first = await here.start()
        await first.opened()
        here.model.say("hi")
        here.model.finish()
        await first.ended()
        replicas.records.returning = trio.Event()
        job = await here.start(revise=first.response_id, response_id=first.response_id)
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(job.stop)
            await trio.sleep(0.5)
            replicas.records.down = True
            replicas.records.returning.set()
            began = trio.current_time()
            ending = await job.ended()
            assert ending.unsaved
            assert trio.current_time() - began < 30


async def test_a_repeated_request_elsewhere_hears_what_came_of_the_first(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        replicas.records.hold()
        await here.start(request_id="r")
        again = await there.begin(request_id="r")
        assert again.joined
        async with trio.open_nursery() as nursery:

            async def release() -> None:
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                replicas.records.release()

            nursery.start_soon(release)
            assert isinstance(await again.job.opened(), Created)


async def test_a_repeated_request_elsewhere_hears_that_the_first_failed(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        replicas.records.hold()
        job = await here.start(request_id="r")
        await trio.sleep(0.1)
        again = await there.begin(request_id="r")
        assert again.joined
        replicas.records.down = True
        replicas.records.release()
        await job.ended()
        assert isinstance(await again.job.opened(), Failed)


async def test_a_crash_while_the_question_is_stored_leaves_it_with_an_answer(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        house.records.returning = trio.Event()
        job = house.start()
        await wait_all_tasks_blocked()
        await crash(job)
        await trio.sleep(1)
        house.records.returning.set()
        assert isinstance(await job.ended(), Failed)
        await trio.sleep(1)
        question, answer = await house.records.messages(C1)
        assert answer.parent_message_id == question.message_id
        assert answer.unfinished


async def test_a_crash_while_the_answer_is_stored_stores_it_all_the_same(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        house.model.say("well")
        await trio.sleep(1)
        house.records.hold()
        house.model.finish()
        await wait_all_tasks_blocked()
        await crash(job)
        await wait_all_tasks_blocked()
        house.records.release()
        assert isinstance(await job.ended(), Finished)
        assert len(await house.records.messages(C1)) == 2


class Forgetful(UnheardRecords):
    """A storage whose reads fail as well, for a while."""

    unreadable = 0

    async def some_messages(
        self, conversation_id: str, message_ids: Collection[str]
    ) -> list[Message]:
        if self.unreadable > 0:
            self.unreadable -= 1
            raise StorageError("the disk is full")
        return await super().some_messages(conversation_id, message_ids)


async def test_whether_a_question_is_stored_is_asked_until_it_is_known(
    autojump_clock: MockClock,
) -> None:
    records = Forgetful()
    async with open_house(records=records) as house:
        records.unheard = 99
        job = house.start()
        await trio.sleep(0.1)
        records.unreadable = 5
        assert isinstance(await job.ended(), Failed)
        await trio.sleep(60)
        assert len(await records.messages(C1)) == 2


async def test_a_repetition_finds_the_question_that_came_to_the_storage_late(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        house.records.hold()
        with pytest.raises(NotStarted, match="does not answer"):
            await start(house)
        replies: list[StartReply] = []

        async def again() -> None:
            replies.append(await start(house))

        house.records.unread = trio.Event()  # the second is held up before its place is found
        nursery.start_soon(again)
        await trio.sleep(5)
        house.records.release()
        await trio.sleep(1)
        house.records.unread.set()
        await trio.sleep(5)
        assert [reply.status for reply in replies] == ["settled"]
        question, answer = await house.records.messages(C1)
        assert replies[0].user_message_id == question.message_id
        assert answer.unfinished


class Stuck(PlayedModel):
    """A storage whose connection cannot be closed for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = trio.Event()

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[Any]:
        async with super().stream(request) as batches:
            try:
                yield batches
            finally:
                with trio.CancelScope(shield=True):
                    await self.closing.wait()


@pytest.mark.parametrize("is_shared", [False, True])
async def test_an_answer_whose_provider_cannot_be_closed_is_stored_and_ends(
    autojump_clock: MockClock, is_shared: bool
) -> None:
    model, records = Stuck(), FlakyRecords()
    async with trio.open_nursery() as nursery:
        supervisor = Supervisor(
            nursery,
            JobResources(
                records=records,
                models={"played": model},
                dialects={},
                limits=Limits(store_timeout=3),
            ),
            journal=FlakyJournal(JournalStore()),
            patience=600.0 if is_shared else 0.0,
        )
        house = House(supervisor, model, records)
        job = house.start()
        await job.opened()
        model.say("well")
        await trio.sleep(1)
        with trio.fail_after(10):
            reply = await job.stop()
            await job.ended()
        assert isinstance(reply.ending, Stopped)
        await trio.sleep(1)
        assert len(await records.messages(C1)) == 2
        model.closing.set()
        await trio.sleep(1)
        nursery.cancel_scope.cancel()


async def test_a_place_that_cannot_be_found_holds_no_stop_up(autojump_clock: MockClock) -> None:
    async with open_replicas(store_timeout=3) as replicas:
        here, _ = replicas.seats
        planning = trio.Event()
        messages = type(replicas.records).messages

        async def hanging(self: Any, conversation_id: str) -> list[Message]:
            with trio.CancelScope(shield=True):
                await planning.wait()
            return await messages(self, conversation_id)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(replicas.records), "messages", hanging)
            job = await here.start()
            await trio.sleep(1)
            with trio.fail_after(30):
                assert isinstance((await job.stop()).ending, Stopped)
                await job.ended()
            planning.set()


async def test_a_crash_while_the_turn_is_planned_stores_nothing(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        house.records.unread = trio.Event()
        job = house.start()
        await wait_all_tasks_blocked()
        await crash(job)
        assert isinstance(await job.ended(), Failed)
        house.records.unread.set()
        assert await house.records.messages(C1) == []


async def test_a_crash_before_the_question_is_stored_leaves_none(autojump_clock: MockClock) -> None:
    journal = FlakyJournal(JournalStore())
    async with open_house(journal=journal) as house:
        journal.hold()
        job = house.start()
        await wait_all_tasks_blocked()
        await crash(job)
        assert isinstance(await job.ended(), Failed)
        journal.release()
        await trio.sleep(1)
        assert await house.records.messages(C1) == []


async def test_a_question_that_comes_late_is_open_until_the_job_has_heard_of_it(
    nursery: trio.Nursery,
) -> None:
    """Meanwhile nobody may take all for stored, and mark the job as done."""
    mailbox, records = Mailbox[JobMessage](), FlakyRecords()
    turn, model = Turn(**TURN), PlayedModel()
    journal = JobJournal(turn.job_id, 1, Log(), NoJournal(), lambda: None)
    feed = Feed(Identity(turn.job_id, 1, C1, turn.response_id), {})
    waiting = WaitingTurn(feed, Lifecycle())
    follow_up = FollowUps(records).queue
    store_of = partial(turn_store, records=records)
    recording = Recording(store_of=store_of, store_timeout=10.0, follow_up=follow_up)
    recorder = Recorder(mailbox.ref, turn, model, journal, waiting, recording)
    records.returning = trio.Event()
    nursery.start_soon(partial(recorder.open, (), None, is_kept=False))
    await wait_all_tasks_blocked()
    recorder.stop_opening()  # the job has decided to end
    records.returning.set()
    await wait_all_tasks_blocked()
    assert not recorder.writes.is_idle, "nobody has taken the word"
    assert isinstance(await mailbox.receive(), Opened)
    await wait_all_tasks_blocked()
    assert not recorder.writes.is_idle, "nobody has acted on it"
    asked = await mailbox.receive()
    assert isinstance(asked, Ask)
    asked.reply_to.send(None)
    await wait_all_tasks_blocked()
    assert recorder.writes.is_idle


async def test_an_answer_that_is_stored_late_replaces_no_answer_of_a_later_turn(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        again = {"revise": "answer-1", "response_id": "answer-1", "text": ""}
        first = house.start()
        house.model.say("one")
        house.model.finish()
        await first.ended()
        second = house.start(**again)
        house.model.say(" two")
        await second.answering()
        house.records.down = True
        house.model.finish()
        assert (await second.ended()).unsaved
        await trio.sleep(1)  # the next attempt comes some seconds later
        house.records.down = False
        third = house.start(**again)
        house.model.say(" three")
        house.model.finish()
        assert not (await third.ended()).unsaved
        await trio.sleep(120)  # by then the second has been tried again

        [_, answer] = await house.records.messages(C1)
        assert answer.content == (TextPart("one three"),)
