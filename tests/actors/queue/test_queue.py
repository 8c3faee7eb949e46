"""Waiting turns of one process: moved, edited, cancelled, and the same after a kill."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.admission import QueueFull
from legato.actors.local_jobs import LocalJobs
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Standing, StopReply
from legato.actors.queue.questions import NotWaiting, Waiting
from legato.actors.queueing import live_turns, send_now
from legato.actors.ref import JobRef
from legato.actors.supervision.local_queue import LocalQueue
from legato.events import Created, Cursor, Finished, Stopped
from legato.storage.memory.journal import JournalStore
from tests.support.actors import C1, C2, FlakyJournal, FlakyRecords, House, crash, open_house


async def queued(house: House, *texts: str) -> list[JobRef]:
    """A running turn and the waiting turns behind."""
    jobs = [house.start()]
    await jobs[0].opened()
    for text in texts:
        jobs.append(house.start("enqueue", text=text))
        await jobs[-1].queued()
    return jobs


async def listed(house: House) -> list[str]:
    jobs = await LocalJobs(house.supervisor).unended("ann", C1)
    return [each.waiting.text for each in (await live_turns(jobs)).queue]


async def answered(house: House, jobs: Sequence[JobRef]) -> list[str]:
    """The questions in the order in which they were asked of the model."""
    for _ in jobs:
        house.model.finish()
    for job in jobs:
        await job.ended()
    messages = await house.records.messages(C1)
    return [each.text for each in messages if each.is_created_by_user]


@asynccontextmanager
async def two_houses() -> AsyncIterator[tuple[House, Any]]:
    """A house, and a way to kill it and open the next on the same journal."""
    store, records = JournalStore(), FlakyRecords()
    journal = FlakyJournal(store)
    async with open_house(journal=journal, records=records) as first:

        @asynccontextmanager
        async def after_kill() -> AsyncIterator[House]:
            journal.close()
            async with open_house(journal=FlakyJournal(store), records=records) as second:
                yield second

        yield first, after_kill
        first.supervisor._nursery.cancel_scope.cancel()


def found(house: House, job: JobRef) -> JobRef:
    ref = house.supervisor.whereis(job.job_id)
    assert ref is not None
    return ref


async def test_turns_begin_in_the_order_last_acknowledged(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        jobs = await queued(house, "b", "c", "d", "e")
        await jobs[2].move_to_front()
        await jobs[4].move_to_front()
        reply = await jobs[2].move_to_front()
        assert isinstance(reply, Waiting)
        assert reply.cursor == Cursor(jobs[2].job_id, 1, 3)
        assert await listed(house) == ["c", "e", "b", "d"]
        assert await answered(house, jobs) == ["hello", "c", "e", "b", "d"]


async def test_a_conversation_stands_for_the_turn_that_runs_though_it_was_started_last(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        jobs = await queued(house, "b", "c")
        await jobs[2].move_to_front()
        house.model.finish()
        await jobs[0].ended()
        next_one = house.supervisor.whereis(C1)
        await jobs[2].opened()
        running = house.supervisor.whereis(C1)
        assert (next_one, running) == (jobs[2], jobs[2])


async def test_a_turn_moved_when_the_one_before_ends_is_next_or_is_told_that_it_has_begun(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        jobs = await queued(house, "b", "c")
        house.model.finish()
        await jobs[0].ended()
        reply = await jobs[2].move_to_front()
        told = await jobs[1].move_to_front()
        order = await answered(house, jobs[1:])
        first = jobs[2] if isinstance(told, Waiting) else jobs[1]
        assert isinstance(reply, Waiting)
        assert order[1] == ("c" if first is jobs[2] else "b")


async def test_a_cancelled_turn_never_begins(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        jobs = await queued(house, "b", "c")
        reply = await jobs[1].cancel()
        assert isinstance(reply, StopReply)
        assert reply == StopReply(Stopped(), False, Cursor(jobs[1].job_id, 1, 2))
        assert await jobs[1].cancel() == reply
        assert await listed(house) == ["c"]
        assert await answered(house, [jobs[0], jobs[2]]) == ["hello", "c"]


async def test_a_turn_that_began_is_not_cancelled(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        jobs = await queued(house, "b")
        for job in jobs[:1]:
            assert await job.cancel() == NotWaiting(Standing.RUNNING, Cursor(job.job_id, 1, 1))
        house.model.finish()
        await jobs[0].ended()
        await jobs[1].opened()
        told = await jobs[1].cancel()
        assert isinstance(told, NotWaiting)
        assert isinstance((await jobs[1].stop()).ending, Stopped)
        told = await jobs[1].cancel()
        assert isinstance(told, NotWaiting), "its question was asked"
        assert told.standing is Standing.ABORTED


async def test_send_now_stops_the_running_turn_only(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        jobs = await queued(house, "b", "c", "d")
        all_jobs = LocalJobs(house.supervisor)
        house.model.say("half")
        await wait_all_tasks_blocked()
        first = await send_now(all_jobs, jobs[3], "n")
        assert isinstance((await jobs[0].ended()), Stopped)
        assert isinstance(await jobs[3].opened(), Created)
        assert await send_now(all_jobs, jobs[3], "n") == first
        assert await listed(house) == ["b", "c"]
        assert isinstance(await send_now(all_jobs, jobs[3], "o"), NotWaiting)
        assert (await jobs[3].status()).standing is Standing.RUNNING


async def test_a_repeated_send_now_of_a_turn_that_was_overtaken_stops_nothing(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        jobs = await queued(house, "b", "c")
        await jobs[2].move_to_front("n")
        await jobs[1].move_to_front()
        await send_now(LocalJobs(house.supervisor), jobs[2], "n")
        assert (await jobs[0].status()).standing is Standing.RUNNING


async def test_the_order_and_the_replies_outlive_the_process(autojump_clock: MockClock) -> None:
    async with two_houses() as (first, after_kill):
        jobs = await queued(first, "b", "c", "d", "e")
        await trio.sleep(1)
        moved = await jobs[3].move_to_front("m")
        edited = await jobs[2].edit("C", "e")
        cancelled = await jobs[1].cancel()
        assert isinstance(cancelled, StopReply)
        async with after_kill() as second:
            again = [found(second, job) for job in jobs[1:]]
            assert await listed(second) == ["d", "C", "e"] or await listed(second) == ["C", "e"]
            assert await again[2].move_to_front("m") == moved
            assert await again[1].edit("C", "e") == edited
            told = await again[0].cancel()
            assert isinstance(told, StopReply)
            assert told.ending == cancelled.ending
            assert await answered(second, again[1:]) == ["hello", "d", "C", "e"]


async def test_a_move_that_was_not_kept_is_not_answered(autojump_clock: MockClock) -> None:
    journal = FlakyJournal(JournalStore())
    async with open_house(journal=journal) as house:
        jobs = await queued(house, "b", "c")
        journal.hold()
        with trio.move_on_after(1) as waiting:
            await jobs[2].move_to_front()
        assert waiting.cancelled_caught
        journal.release()
        await wait_all_tasks_blocked()
        assert await listed(house) == ["c", "b"]


async def test_who_moves_a_turn_that_is_stopped_meanwhile_is_told_so(
    autojump_clock: MockClock,
) -> None:
    journal = FlakyJournal(JournalStore())
    async with open_house(journal=journal) as house, trio.open_nursery() as nursery:
        jobs = await queued(house, "b")
        journal.hold()
        told = list[object]()

        async def move() -> None:
            told.append(await jobs[1].move_to_front())

        async def cancel() -> None:
            told.append(await jobs[1].cancel())

        nursery.start_soon(move)
        await wait_all_tasks_blocked()
        nursery.start_soon(cancel)
        await wait_all_tasks_blocked()
        journal.release()
        await wait_all_tasks_blocked()
        assert isinstance(told[0], NotWaiting)
        assert isinstance(told[1], StopReply)


async def test_a_turn_whose_move_is_being_written_is_left_to_the_next_process(
    autojump_clock: MockClock,
) -> None:
    store, records = JournalStore(), FlakyRecords()
    journal = FlakyJournal(store)
    async with open_house(journal=journal, records=records) as first, trio.open_nursery() as tasks:
        jobs = await queued(first, "b")
        journal.hold()

        async def move() -> None:
            with pytest.raises(ActorStopped):
                await jobs[1].move_to_front()

        tasks.start_soon(move)
        await wait_all_tasks_blocked()
        tasks.start_soon(first.supervisor.drain.run)
        await wait_all_tasks_blocked()
        journal.release()
    journal.close()
    async with open_house(journal=FlakyJournal(store), records=records) as second:
        second.model.finish()
        assert isinstance(await found(second, jobs[1]).ended(), Finished)


async def test_who_moves_a_turn_that_crashes_is_told_that_it_waits_no_more(
    autojump_clock: MockClock,
) -> None:
    journal = FlakyJournal(JournalStore())
    async with open_house(journal=journal) as house, trio.open_nursery() as nursery:
        jobs = await queued(house, "b")
        journal.hold()

        async def move() -> None:
            assert isinstance(await jobs[1].move_to_front(), NotWaiting)

        nursery.start_soon(move)
        await wait_all_tasks_blocked()
        await crash(jobs[1])
        await wait_all_tasks_blocked()
        assert not nursery.child_tasks
        journal.release()


async def test_only_so_many_turns_wait(autojump_clock: MockClock) -> None:
    async with open_house(max_queued_jobs=1, max_queued_jobs_per_user=2) as house:
        await queued(house, "b")
        with pytest.raises(QueueFull, match="conversation has 1"):
            house.start("enqueue")
        house.start(conversation_id=C2)
        house.start("enqueue", conversation_id=C2)
        other = "33333333-3333-4333-8333-333333333333"
        house.start(conversation_id=other)
        with pytest.raises(QueueFull, match="You have 2"):
            house.start("enqueue", conversation_id=other)


async def test_a_job_that_has_ended_is_neither_running_nor_waiting(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        jobs = await queued(house)
        house.model.finish()
        await jobs[0].ended()
        found = await live_turns(jobs)

    assert (list(found.running), list(found.queue)) == ([], [])


async def test_a_turn_that_waits_no_more_is_not_moved() -> None:
    async with open_house() as house:
        queue = LocalQueue(house.supervisor.registry)
        assert await queue.move_to_front(house.turn()) is None


async def test_a_turn_that_waits_no_more_waits_for_nobody() -> None:
    async with open_house() as house:
        await house.start().opened()
        with trio.fail_after(1):
            await LocalQueue(house.supervisor.registry).come(house.turn())
