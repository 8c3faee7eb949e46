"""Words that no model read become the next turns, in their order, each once."""

from itertools import count
from typing import cast

import pytest
import trio
from trio.testing import MockClock

from legato.actors.conversation.turn import Turn
from legato.actors.follow_ups import FollowUps
from legato.actors.jobs import Jobs, Started
from legato.actors.mailbox import ActorStopped
from legato.actors.ref import JobRef
from legato.actors.steering.interjections import NextTurn, Rejected, Steer, SteerReceipt
from legato.content import Message, SteerPart
from legato.events import Failed, Finished, SteerReturned
from legato.storage.contracts.errors import StorageError
from legato.storage.memory.journal import JournalStore
from tests.actors.test_agent_runs import open_runs
from tests.support.actors import C1, FlakyRecords, House
from tests.support.steering import cancel, found

TEN_SECONDS = {"tokens": 10, "rate": 1}

_numbers = count(1)


async def say(job: JobRef, text: str, client_id: str = "") -> SteerReceipt:
    """A steer whose words are to be asked in any case."""
    number = next(_numbers)
    ids = NextTurn(f"01NEXT{number:020}", f"asked-{number}", f"answered-{number}")
    receipt = await job.ask(Steer(f"steer-{number}", text, 1, client_id, next_turn=ids))
    assert isinstance(receipt, SteerReceipt)
    return receipt


async def asked(records: FlakyRecords) -> list[str]:
    """The questions of the conversation, in the order in which they were asked."""
    return [each.text for each in await records.messages(C1) if each.is_created_by_user]


async def outcome(job: JobRef, steer_id: str) -> SteerReturned:
    receipt = await found(job, steer_id)
    assert isinstance(receipt, SteerReceipt)
    assert isinstance(receipt.outcome, SteerReturned)
    return receipt.outcome


def start(house: House, text: str = "Count.", on_busy: str = "enqueue") -> JobRef:
    return house.start(on_busy, model="scripted", text=text, parameters=TEN_SECONDS)


async def all_done(house: House) -> None:
    await trio.sleep(100)
    assert house.supervisor.registry.running_count() == 0


async def test_unread_words_are_the_next_turns_before_all_others_that_wait(
    autojump_clock: MockClock,
) -> None:
    records = FlakyRecords()
    async with open_runs(records=records, journal_store=JournalStore()) as house:
        job = start(house)
        await trio.sleep(1)
        start(house, "Waits.")
        first, second = await say(job, "Slower."), await say(job, "Faster.")
        ending = await job.ended()
        became = await outcome(job, first.steer.steer_id)
        waiting = house.supervisor.whereis(became.next_id)
        await all_done(house)

    assert isinstance(ending, Finished)
    assert ending.unread == ()
    assert waiting is not None
    assert became == SteerReturned(first.steer.steer_id, "enqueued", waiting.job_id)
    assert await asked(records) == ["Count.", "Slower.", "Faster.", "Waits."]
    assert second.steer.next_turn is not None


async def test_a_next_turn_asks_the_same_model_below_the_answer(autojump_clock: MockClock) -> None:
    records = FlakyRecords()
    async with open_runs(records=records, journal_store=JournalStore()) as house:
        job = start(house)
        await trio.sleep(1)
        await say(job, "Slower.")
        await all_done(house)

    question, answer, words, reply = await records.messages(C1)
    assert [each.parent_message_id for each in (answer, words, reply)] == [
        *(question.message_id, answer.message_id, words.message_id)
    ]
    assert tokens(reply) == tokens(answer) == 10


def tokens(message: Message) -> int:
    assert message.usage
    return message.usage.completion_tokens


async def test_words_of_a_stopped_answer_come_back(autojump_clock: MockClock) -> None:
    records = FlakyRecords()
    async with open_runs(records=records, journal_store=JournalStore()) as house:
        job = start(house)
        await trio.sleep(1)
        receipt = await say(job, "Slower.")
        reply = await job.stop()
        became = await outcome(job, receipt.steer.steer_id)
        await all_done(house)

    assert [each.text for each in reply.ending.unread] == ["Slower."]
    assert became.why == "stopped"
    assert await asked(records) == ["Count."]


async def test_words_that_were_taken_back_are_no_turn(autojump_clock: MockClock) -> None:
    records = FlakyRecords()
    async with open_runs(records=records, journal_store=JournalStore()) as house:
        job = start(house)
        await trio.sleep(1)
        receipt = await say(job, "Slower.")
        await cancel(job, receipt.steer.steer_id)
        await all_done(house)

    assert await asked(records) == ["Count."]


async def test_no_limit_refuses_words_that_were_taken(autojump_clock: MockClock) -> None:
    records = FlakyRecords()
    async with open_runs(
        records=records,
        journal_store=JournalStore(),
        max_running_jobs_per_user=2,
        max_queued_jobs=1,
        max_running_jobs=2,
    ) as house:
        job = start(house)
        await trio.sleep(1)
        start(house, "Waits.")
        for number in range(5):
            await say(job, str(number))
        await all_done(house)

    assert await asked(records) == ["Count.", *"01234", "Waits."]


async def killed(records: FlakyRecords, store: JournalStore, *waiting: str) -> None:
    """A process that dies while two steers wait, and perhaps turns."""
    with trio.CancelScope() as life:
        async with open_runs(records=records, journal_store=store) as house:
            job = start(house)
            for text in waiting:
                start(house, text)
            await trio.sleep(1)
            await say(job, "Slower.")
            await say(job, "Faster.")
            store.closed |= {log.owner for log in store.stored_logs.values()}  # it writes no more
            life.cancel()


async def test_a_kill_loses_no_words_and_has_none_asked_twice(autojump_clock: MockClock) -> None:
    records, store = FlakyRecords(), JournalStore()
    await killed(records, store)
    for _ in range(3):
        async with open_runs(records=records, journal_store=store, on_owner_lost="seal") as house:
            await all_done(house)

    assert await asked(records) == ["Count.", "Slower.", "Faster."]


async def test_after_a_kill_the_words_come_before_a_turn_that_waited(
    autojump_clock: MockClock,
) -> None:
    records, store = FlakyRecords(), JournalStore()
    await killed(records, store, "Waits.")
    async with open_runs(records=records, journal_store=store, on_owner_lost="seal") as house:
        ended = house.supervisor.whereis(C1)
        assert ended is not None
        ending = await ended.ended()
        await all_done(house)

    assert isinstance(ending, Failed)
    assert await asked(records) == ["Count.", "Slower.", "Faster.", "Waits."]


async def test_words_that_the_next_process_has_read_are_no_turn(autojump_clock: MockClock) -> None:
    records, store = FlakyRecords(), JournalStore()
    await killed(records, store)
    for _ in range(2):
        async with open_runs(records=records, journal_store=store) as house:
            await all_done(house)

    question, answer = await records.messages(C1)
    assert question.text == "Count."
    assert [part.steer for part in answer.content or () if isinstance(part, SteerPart)] == [
        *("Slower.", "Faster.")
    ]


class Unreachable(FlakyRecords):
    """Says of no request where it went, while `is_away`."""

    is_away = False
    tries = 0

    async def turn_of_request(self, user: str, request_id: str):  # type: ignore[no-untyped-def]
        if self.is_away:
            self.tries += 1
            raise StorageError("the disk is gone")
        return await super().turn_of_request(user, request_id)


async def test_words_are_queued_once_the_storage_is_back(autojump_clock: MockClock) -> None:
    records = Unreachable()
    async with open_runs(records=records, journal_store=JournalStore()) as house:
        job = start(house)
        await trio.sleep(1)
        await say(job, "Slower.")
        records.is_away = True
        await job.ended()
        await trio.sleep(30)
        records.is_away = False
        await all_done(house)

    assert records.tries > 2
    assert await asked(records) == ["Count.", "Slower."]


async def test_words_that_this_process_cannot_queue_are_asked_by_the_next(
    autojump_clock: MockClock,
) -> None:
    records, store = Unreachable(), JournalStore()
    async with open_runs(records=records, journal_store=store) as house:
        job = start(house)
        await trio.sleep(1)
        await say(job, "Slower.")
        records.is_away = True
        assert isinstance(await job.ended(), Finished)
    records.is_away = False
    for _ in range(2):
        async with open_runs(records=records, journal_store=store) as house:
            await all_done(house)

    assert await asked(records) == ["Count.", "Slower."]


async def test_a_process_that_is_about_to_end_leaves_the_words_to_the_next(
    autojump_clock: MockClock,
) -> None:
    records, store = FlakyRecords(), JournalStore()
    async with open_runs(records=records, journal_store=store) as house:
        job = start(house)
        await trio.sleep(1)
        await say(job, "Slower.")
        house.supervisor.drain.refuse_starts()
        assert isinstance(await job.ended(), Finished)
        await trio.sleep(30)
        assert await asked(records) == ["Count."]
    for _ in range(2):
        async with open_runs(records=records, journal_store=store) as house:
            await all_done(house)

    assert await asked(records) == ["Count.", "Slower."]


async def test_words_whose_turn_has_left_are_not_asked_again(autojump_clock: MockClock) -> None:
    records = FlakyRecords()
    async with open_runs(records=records, journal_store=JournalStore(), retention=1.0) as house:
        job = start(house)
        await trio.sleep(1)
        receipt = await say(job, "Slower.")
        await all_done(house)
        assert receipt.steer.next_turn is not None
        assert await house.supervisor.follow_ups.queue([Turn.of(receipt.steer.next_turn)])
        await all_done(house)

    assert await asked(records) == ["Count.", "Slower."]


async def test_the_same_words_again_are_the_same_turn(autojump_clock: MockClock) -> None:
    records = FlakyRecords()
    async with open_runs(records=records, journal_store=JournalStore()) as house:
        job = start(house)
        await trio.sleep(1)
        first, again = await say(job, "Slower.", "mine"), await say(job, "Slower.", "mine")
        await all_done(house)

    assert first.steer == again.steer
    assert await asked(records) == ["Count.", "Slower."]


async def test_an_ended_job_takes_no_words_for_a_next_turn(autojump_clock: MockClock) -> None:
    async with open_runs(records=FlakyRecords(), journal_store=JournalStore()) as house:
        job = start(house)
        await job.ended()
        ids = NextTurn("01NEXT", "q", "a")
        reply = await job.ask(Steer("late", "Slower.", 1, next_turn=ids))

    assert isinstance(reply, Rejected)
    assert reply.reason == "ended"


class LeavingJob:
    """A job that is told to go once its turn is kept."""

    async def queued(self) -> None: ...

    async def move_to_front(self, change_id: str) -> None:
        raise ActorStopped


class LeavingJobs:
    async def knows(self, turn: Turn) -> bool:
        return True

    async def start(self, *_: object, **__: object) -> Started:
        return Started(cast("JobRef", LeavingJob()))


async def test_words_whose_job_goes_before_it_is_in_front_are_queued_again() -> None:
    follow_ups = FollowUps(FlakyRecords())
    follow_ups.jobs = cast("Jobs", LeavingJobs())
    turn = Turn(
        job_id="01NEXT",
        conversation_id=C1,
        message_id="asked",
        response_id="answered",
        user="ann",
        model="played",
        text="Slower.",
    )

    with pytest.raises(StorageError, match="before it was moved"):
        await follow_ups.queue([turn])
