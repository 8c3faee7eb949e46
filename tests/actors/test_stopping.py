"""A stop has its answer in time, the same answer to each repetition, wherever the job is."""

import trio
from trio.testing import MockClock

from legato.events import (
    Stopped,
)
from legato.models.contract import TextChunk
from tests.support.actors import (
    C1,
)
from tests.support.provider import ProvidedModel, SimulatedProvider
from tests.support.replicas import LEASE, open_replicas


async def test_a_second_stop_waits_no_longer_than_the_first(autojump_clock: MockClock) -> None:
    async with open_replicas(store_timeout=3) as replicas:
        here, _ = replicas.seats
        job = await here.start()
        await job.opened()
        here.model.say("hi")
        await trio.sleep(1)
        here.replication.keeps = False
        with trio.fail_after(10):
            assert (await job.stop()).ending.unsaved
        with trio.fail_after(30):
            assert (await job.stop()).ending.unsaved


async def test_a_stop_whose_answer_was_lost_is_still_this_stop(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        here.model.say("hi")
        remote = await there.find(job.job_id)
        await remote.status()
        here.replication.loses = 1
        reply = await remote.stop()
        assert isinstance(reply.ending, Stopped)
        assert not reply.already_ended


async def test_a_stop_at_a_former_owner_stops_the_job_at_its_new_one(
    autojump_clock: MockClock,
) -> None:
    provider = SimulatedProvider()
    async with open_replicas(
        on_owner_lost="continue", model=lambda me: ProvidedModel(provider, me)
    ) as replicas:
        here, _there = replicas.seats
        job = await here.start(parameters={"job": "j", "conversation": C1})
        await job.opened()
        provider.say("j", TextChunk("one "))
        await trio.sleep(1)
        here.replication.away = True
        await trio.sleep(2 * LEASE)
        assert {each.replica for each in provider.connections} == {"replica-0", "replica-1"}
        here.replication.away = False
        reply = await (await here.find(job.job_id)).stop()
        assert isinstance(reply.ending, Stopped)
        await trio.sleep(1)
        assert provider.connections == []
