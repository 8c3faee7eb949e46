"""Words that no model read are the next turn, also where their job's replica is gone by then."""

import trio
from trio.testing import MockClock

from legato.actors.messages import Standing
from legato.actors.ref import JobRef
from legato.actors.steering.interjections import NextTurn, Steer, SteerReceipt
from legato.events import SteerReturned
from tests.support.actors import C1
from tests.support.replicas import LEASE, open_replicas
from tests.support.steering import found

NEXT = NextTurn("01M846XJQTHKRR16F0NEXT0001", "asked", "answered")


async def say(job: JobRef) -> None:
    receipt = await job.ask(Steer("steer-1", "Slower.", 1, next_turn=NEXT))
    assert isinstance(receipt, SteerReceipt)


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
        receipt = await found(seen, "steer-1")
        next_job = await there.find(NEXT.job_id)
        await trio.sleep(1)

        assert isinstance(receipt, SteerReceipt)
        assert receipt.outcome == SteerReturned("steer-1", "enqueued", NEXT.job_id)
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
