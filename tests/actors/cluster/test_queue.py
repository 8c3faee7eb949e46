"""Waiting turns among replicas: one order, wherever a turn waits and whoever is asked."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.admission import QueueFull
from legato.actors.cluster.job_info import entry_of
from legato.actors.messages import StopReply
from legato.actors.queue.questions import NotWaiting, Waiting
from legato.actors.queueing import live_turns, send_now
from legato.actors.ref import JobRef
from legato.events import Created, Stopped
from tests.support.actors import C1, C2
from tests.support.replicas import LEASE, Replicas, Seat, open_replicas, supervisor_at


async def queued(replicas: Replicas, *texts: str) -> list[JobRef]:
    """A running turn and waiting turns, each started at the next replica."""
    jobs = [await replicas.seats[0].start()]
    await jobs[0].opened()
    for number, text in enumerate(texts, 1):
        seat = replicas.seats[number % len(replicas.seats)]
        jobs.append(await seat.start("enqueue", text=text))
        await jobs[-1].queued()
    return jobs


async def listed(seat: Seat) -> list[str]:
    turns = await live_turns(await seat.jobs.unended("ann", C1))
    return [each.waiting.text for each in turns.queue]


async def answered(replicas: Replicas, jobs: Sequence[JobRef]) -> list[str]:
    """The questions in the order in which they were asked of the models."""
    for seat in replicas.seats:
        for _ in jobs:
            seat.model.finish()
    for job in jobs:
        await (await replicas.seats[-1].find(job.job_id)).ended()
    messages = await replicas.records.messages(C1)
    return [each.text for each in messages if each.is_created_by_user]


async def test_turns_of_all_replicas_begin_in_one_order(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        jobs = await queued(replicas, "b", "c", "d")
        d = await here.find(jobs[3].job_id)
        assert isinstance(await d.move_to_front("m"), Waiting)
        edited = await (await there.find(jobs[2].job_id)).edit("C")
        assert isinstance(edited, Waiting)
        assert await listed(here) == await listed(there) == ["d", "b", "C"]
        cancelled = await (await there.find(jobs[1].job_id)).cancel()
        assert isinstance(cancelled, StopReply)
        assert isinstance(cancelled.ending, Stopped)
        assert await answered(replicas, jobs) == ["hello", "d", "C"]


async def test_a_conversation_stands_for_the_turn_that_runs_at_every_replica(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(3) as replicas:
        here, there, last = replicas.seats
        jobs = await queued(replicas, "b", "c")  # of there and of last
        await jobs[2].move_to_front()
        here.model.finish()
        await jobs[0].ended()
        next_one = await here.find(C1)
        await jobs[2].opened()
        found = [await seat.find(C1) for seat in (here, there, last)]
        assert [each.job_id for each in (next_one, *found)] == [jobs[2].job_id] * 4
        assert (await found[1].stop()).already_ended is False
        assert isinstance(await jobs[1].opened(), Created), "no stop of it was asked for"


async def test_send_now_at_another_replica(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        _, there = replicas.seats
        jobs = await queued(replicas, "b", "c")
        c = await there.find(jobs[2].job_id)
        await send_now(there.jobs, c, "n")
        assert isinstance(await c.opened(), Created)
        assert isinstance(await jobs[0].ended(), Stopped)
        told = await (await there.find(jobs[2].job_id)).move_to_front()
        assert isinstance(told, NotWaiting)
        assert await listed(there) == ["b"]


async def test_the_order_outlives_the_owners(autojump_clock: MockClock) -> None:
    async with open_replicas(3) as replicas:
        here, there, last = replicas.seats
        jobs = await queued(replicas, "b", "c", "d", "e")  # of there, last, here, there
        moved = await jobs[4].move_to_front("m")
        there.kill()
        await trio.sleep(2 * LEASE)
        assert await listed(last) == ["e", "b", "c", "d"]
        assert await (await here.find(jobs[4].job_id)).move_to_front("m") == moved
        await (await here.find(jobs[3].job_id)).move_to_front()
        assert await answered(replicas, jobs) == ["hello", "d", "e", "b", "c"]


async def test_a_move_without_a_reply_from_the_directory_was_made_or_not_and_is_seen(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        jobs = await queued(replicas, "b", "c", "d")
        there.replication.lies = 1
        told = await jobs[3].move_to_front("m")
        assert isinstance(told, NotWaiting)
        assert told.reason == "unavailable"
        await trio.sleep(2)
        assert await listed(here) == ["d", "b", "c"]
        assert await answered(replicas, jobs) == ["hello", "d", "b", "c"]


async def test_a_turn_waits_while_the_directory_is_away(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        jobs = await queued(replicas, "b")
        there.replication.fails = 3
        here.model.finish()
        await jobs[0].ended()
        there.model.finish()
        await jobs[1].ended()
        assert await answered(replicas, jobs) == ["hello", "b"]


async def test_the_order_outlives_the_directory(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        jobs = await queued(replicas, "b", "c", "d")
        await jobs[3].move_to_front()
        replicas.world.forget_everything()
        await trio.sleep(2 * LEASE)
        assert await listed(replicas.seats[0]) == ["d", "b", "c"]
        await jobs[2].move_to_front()
        assert await answered(replicas, jobs) == ["hello", "c", "d", "b"]


async def test_a_turn_that_was_handed_on_still_waits_for_everybody(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        jobs = await queued(replicas, "b")
        job = supervisor_at(replicas.seats[1]).registry.find(jobs[1].job_id)
        assert job is not None
        job.ownership.hand_on()
        await job.ended.wait()
        entry = entry_of(job)
        assert (entry.stage, entry.rank) == ("begun", 0)


async def test_only_so_many_turns_wait(autojump_clock: MockClock) -> None:
    async with open_replicas(max_queued_jobs=1, max_queued_jobs_per_user=2) as replicas:
        there = replicas.seats[1]
        await queued(replicas, "b")
        with pytest.raises(QueueFull, match="conversation has 1"):
            await there.start("enqueue")
        await there.start(conversation_id=C2)
        await there.start("enqueue", conversation_id=C2)
        other = "33333333-3333-4333-8333-333333333333"
        await there.start(conversation_id=other)
        with pytest.raises(QueueFull, match="You have 2"):
            await there.start("enqueue", conversation_id=other)
        await wait_all_tasks_blocked()
