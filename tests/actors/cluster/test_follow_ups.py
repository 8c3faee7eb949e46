"""Words that no model read are the next turn, also where their job's replica is gone by then."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from legato.actors.cluster.job_info import info_of, turn_of
from legato.actors.durability.promised import promised_turn
from legato.actors.messages import Standing
from legato.actors.ref import JobRef
from legato.actors.steering.interjections import NextTurn, Steer, SteerReceipt
from legato.events import Finished, SteerReturned
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.replication import Entered, JobInfo
from tests.support.actors import C1
from tests.support.replicas import LEASE, Replicas, Seat, open_replicas
from tests.support.steering import found

NEXT = NextTurn("01M846XJQTHKRR16F0NEXT0001", "asked", "answered")
AFTER = NextTurn("01M846XJQTHKRR16F0NEXT0002", "asked-2", "answered-2")


async def say(job: JobRef, text: str = "Slower.", next_turn: NextTurn = NEXT) -> None:
    receipt = await job.ask(Steer(f"steer-{text}", text, 1, next_turn=next_turn))
    assert isinstance(receipt, SteerReceipt)


async def leave_over(
    seat: Seat, *more: str, entered: Callable[[], Awaitable[object]] | None = None
) -> JobRef:
    """An answer that ends without words that were said.

    `entered` is called in the moment in which the directory has the next turn, and nobody else.
    """
    job = await seat.start()
    if entered is not None:
        _after_entering(seat, entered)
    seat.model.say("one ")
    await trio.sleep(1)
    await say(job)
    for text in more:
        await say(job, text, AFTER)
    seat.model.finish()
    return job


def _after_entering(seat: Seat, act: Callable[[], Awaitable[object]]) -> None:
    enter = seat.replication.enter

    async def entered(*about: Any, **limits: Any) -> Any:
        reply = await enter(*about, **limits)
        if isinstance(reply, Entered):
            await act()
        return reply

    seat.replication.enter = entered  # type: ignore[method-assign]


async def asked(replicas: Replicas, seat: Seat, count: int = 1) -> list[str]:
    """The conversation's questions, once `count` turns have ended that the seat's model answers."""
    for _ in range(count):
        await trio.sleep(1)
        seat.model.finish()
    await trio.sleep(1)
    assert await seat.jobs.active("ann") == []
    for each in (NEXT, AFTER)[:count]:
        assert isinstance((await (await seat.find(each.job_id)).status()).ending, Finished)
    messages = await replicas.records.messages(C1)
    return [each.text for each in messages if each.is_created_by_user]


async def test_words_said_at_another_replica_are_asked_where_the_job_was(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        here.model.say("one ")
        await trio.sleep(1)
        seen = await there.find(job.job_id)
        await say(seen)
        here.model.finish()
        await seen.ended()
        receipt = await found(seen, "steer-Slower.")
        next_job = await there.find(NEXT.job_id)
        await trio.sleep(1)

        assert isinstance(receipt, SteerReceipt)
        assert receipt.outcome == SteerReturned("steer-Slower.", "enqueued", NEXT.job_id)
        assert (await next_job.status()).standing is Standing.RUNNING
        assert [each.text for each in here.model.requests[-1].messages] == [
            *("hello", "one ", "Slower.")
        ]


async def test_words_of_a_dead_replica_are_asked_once_at_the_next(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        here.model.say("one ")
        await trio.sleep(1)
        await say(job)
        here.kill()
        await trio.sleep(1.2 * LEASE)
        ended = await (await there.find(job.job_id)).status()
        there.model.finish()
        await trio.sleep(1)
        messages = await replicas.records.messages(C1)

        assert ended.standing is Standing.ERROR
        assert [each.text for each in messages if each.is_created_by_user] == ["hello", "Slower."]
        assert len(there.model.requests) == 1
        assert await there.jobs.active("ann") == []


async def test_words_are_asked_where_the_directory_alone_has_their_turn(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats

        async def keep_nothing() -> None:
            here.replication.keeps = False

        await leave_over(here, entered=keep_nothing)
        await trio.sleep(1)
        here.kill()
        await trio.sleep(1.2 * LEASE)

        assert await asked(replicas, there) == ["hello", "Slower."]


async def test_a_turn_that_the_next_replica_has_is_not_begun_again(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        # The turn is kept, and the job before is not marked as done.
        monkeypatch.setattr(here.replication, "move_to_front", forever)
        await leave_over(here)
        await trio.sleep(1)
        here.kill()
        await trio.sleep(1.2 * LEASE)

        assert await asked(replicas, there) == ["hello", "Slower."]


async def forever(*about: Any) -> None:
    await trio.sleep_forever()


async def test_a_turn_whose_entry_was_not_heard_of_is_entered_once(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        failures = [False, True, True]  # the first turn is entered, and the second not heard of

        async def fail() -> None:
            if failures and failures.pop(0):
                raise StorageError("no reply")

        await leave_over(here, "Faster.", entered=fail)
        await trio.sleep(60)

        assert await asked(replicas, here, 2) == ["hello", "Slower.", "Faster."]
        assert isinstance(await (await there.find(AFTER.job_id)).ended(), Finished)


async def test_a_turn_entered_by_a_replica_that_did_not_hear_so_is_taken_back(
    autojump_clock: MockClock,
) -> None:
    """The replica lives, and by then another one has the job whose words these are."""
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await leave_over(here)
        await trio.sleep(1)
        turn = replicas.turn(job_id=AFTER.job_id, message_id=AFTER.message_id, response_id="r")
        await there.replication.enter(info_of(turn), "enqueue", max_per_user=9)
        began = await here.jobs.start(turn, "enqueue", was_accepted=True)
        await began.job.queued()

        assert not began.joined
        assert await asked(replicas, here, 2) == ["hello", "Slower.", "hello"]
        assert isinstance(await job.ended(), Finished)


async def test_a_replica_that_is_told_to_go_leaves_the_turn_to_the_next(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats

        async def go() -> None:
            here.replication.keeps = False  # until this replica leaves
            here.leave()
            replicas.nursery.start_soon(keep_again)

        async def keep_again() -> None:
            await trio.sleep(1)
            here.replication.keeps = True

        await leave_over(here, entered=go)
        await trio.sleep(1.2 * LEASE)

        assert await asked(replicas, there) == ["hello", "Slower."]


async def test_a_replica_that_takes_no_starts_enters_a_turn_for_the_next(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats

        async def refuse() -> None:
            here.replica.supervisor.drain.refuse_starts()

        job = await leave_over(here, entered=refuse)
        assert isinstance(await job.ended(), Finished)
        here.leave()
        await trio.sleep(1.2 * LEASE)

        assert await asked(replicas, there) == ["hello", "Slower."]


async def test_words_wait_for_a_journal_that_is_away_for_long(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, _ = replicas.seats

        async def keep_nothing() -> None:
            here.replication.keeps = False

        await leave_over(here, entered=keep_nothing)
        await trio.sleep(60)
        here.replication.keeps = True
        await trio.sleep(60)

        assert await asked(replicas, here) == ["hello", "Slower."]


async def test_words_of_a_dead_replica_come_before_turns_that_wait_elsewhere(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_replicas(3) as replicas:
        here, there, elsewhere = replicas.seats
        move = there.replication.move_to_front

        async def move_late(info: JobInfo) -> int | None:
            await trio.sleep(1)
            return await move(info)

        monkeypatch.setattr(here.replication, "move_to_front", forever)
        monkeypatch.setattr(there.replication, "move_to_front", move_late)
        elsewhere.replication.inherits = False  # the jobs come to the second replica
        job = await here.start()
        here.model.say("one ")
        await trio.sleep(1)
        waiting = await elsewhere.start("enqueue", text="Waits.")
        await waiting.queued()
        await say(job)
        await say(job, "Faster.", AFTER)
        here.model.finish()
        await trio.sleep(1)
        here.kill()
        await trio.sleep(1.2 * LEASE)
        for _ in range(3):
            there.model.finish()
            elsewhere.model.finish()
        await waiting.ended()
        messages = await replicas.records.messages(C1)

        assert [each.text for each in messages if each.is_created_by_user] == [
            *("hello", "Slower.", "Faster.", "Waits.")
        ]


async def test_words_keep_their_order_though_a_move_fails_or_the_replica_goes(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        moves, move = 0, here.replication.move_to_front

        async def fail_or_go(info: JobInfo) -> int | None:
            nonlocal moves
            moves += 1
            if moves == 1:
                raise StorageError("no move")
            if moves == 3:  # the second words are in front by now
                here.leave()
                await trio.sleep_forever()
            return await move(info)

        monkeypatch.setattr(here.replication, "move_to_front", fail_or_go)
        await leave_over(here, "Faster.")
        await trio.sleep(2 * LEASE)

        assert await asked(replicas, there, 2) == ["hello", "Slower.", "Faster."]


async def test_nothing_promises_a_turn_whose_job_before_is_gone(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, _ = replicas.seats
        job = await leave_over(here)
        await trio.sleep(1)
        entry = await here.replication.find(NEXT.job_id)
        assert entry is not None
        known = turn_of(entry.info)
        promised = await promised_turn(known, here.replication.journal)
        await here.jobs.discard(job.job_id)
        await trio.sleep(1)

        assert promised is not None
        assert promised.text == "Slower."
        assert await promised_turn(known, here.replication.journal) is None
