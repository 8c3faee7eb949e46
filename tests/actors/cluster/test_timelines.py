"""Timelines among replicas: one list of all, and no wait for a replica that hangs."""

import trio
from trio.testing import MockClock

from legato.actors.cluster.link import LinkLost
from legato.actors.inspection.timeline import ListTimelines, Timelines
from legato.actors.subscription import Subscription
from tests.support.actors import C1, C2
from tests.support.replicas import LEASE, Seat, open_replicas


async def look(seat: Seat, asked: ListTimelines) -> Timelines:
    with trio.fail_after(5):
        return await seat.jobs.timelines(asked)


async def test_a_replica_lists_the_jobs_of_all(autojump_clock: MockClock) -> None:
    async with open_replicas(3) as replicas:
        await trio.sleep(LEASE)
        here, there, third = replicas.seats
        one = await here.start()
        other = await there.start(conversation_id=C2)
        await one.opened()
        await other.opened()
        found = await look(third, ListTimelines("ann"))
        foreign = await look(third, ListTimelines("bob"))
        [timed] = (await look(third, ListTimelines(job_id=one.job_id))).jobs

        assert {each.job_id for each in found.jobs} == {one.job_id, other.job_id}
        assert (found.unheard, foreign.jobs) == (0, ())
        assert timed.times is not None
        assert timed.conversation_id == C1


async def test_a_replica_that_does_not_answer_is_counted(autojump_clock: MockClock) -> None:
    async with open_replicas(3) as replicas:
        await trio.sleep(LEASE)
        here, there, third = replicas.seats
        job = await here.start()
        await job.opened()
        there.kill()
        third.kill()
        began = trio.current_time()
        found = await look(here, ListTimelines("ann"))

        assert [each.job_id for each in found.jobs] == [job.job_id]
        assert found.unheard == 2
        assert trio.current_time() - began <= 2


async def test_an_answer_that_is_lost_is_counted(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        await trio.sleep(LEASE)
        here, _ = replicas.seats

        async def lost(*question: object) -> None:
            raise LinkLost

        here.jobs._owners._peers.ask = lost  # type: ignore[attr-defined]

        assert (await look(here, ListTimelines())).unheard == 1


async def test_all_readers_at_another_replica_count_as_one(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        await trio.sleep(LEASE)
        here, there = replicas.seats
        job = await here.start()
        here.model.say("Hel")
        await job.answering()
        readers = [Subscription(await there.find(C1), "librechat", "beginning") for _ in range(2)]
        for reader in readers:
            await reader.receive()
        [found] = (await look(here, ListTimelines(job_id=job.job_id))).jobs
        for reader in readers:
            reader.leave()

        assert found.counts is not None
        assert (found.counts.readers, found.counts.waiting) == (1, 0)
