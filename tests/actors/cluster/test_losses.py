"""Losses of the shared storage: no loss makes anything be decided twice."""

from collections.abc import Sequence
from contextlib import suppress

import trio
from trio.testing import MockClock

from legato.events import Failed, Finished
from legato.models.contract import TextChunk
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.replication import DirectoryEntry
from tests.support.actors import C1
from tests.support.provider import ProvidedModel, SimulatedProvider
from tests.support.replicas import LEASE, Replicas, open_replicas, supervisor_at


async def test_an_answer_that_went_through_four_deaths_is_whole(autojump_clock: MockClock) -> None:
    provider = SimulatedProvider()
    async with open_replicas(
        on_owner_lost="continue", model=lambda me: ProvidedModel(provider, me), retention=600
    ) as replicas:
        job = await replicas.seats[0].start(parameters={"job": "j", "conversation": C1})
        await trio.sleep(1)
        for word in ("one ", "two ", "three ", "four "):
            provider.say("j", TextChunk(word))
            await trio.sleep(1)
            [connection] = provider.connections
            [owner] = [s for s in replicas.seats if s.replication.me == connection.replica]
            await replicas.open()
            await trio.sleep(LEASE)
            owner.kill()
            await trio.sleep(3 * LEASE)
        provider.say("j", TextChunk("five"))
        await trio.sleep(1)
        provider.finish_all()
        await trio.sleep(1)
        alive = next(seat for seat in replicas.seats if seat.is_open)
        status = await (await alive.find(job.job_id)).status()

        assert isinstance(status.ending, Finished)
        said = "".join(getattr(part, "text", "") for part in status.snapshot.content)
        assert said == "one two three four five"


async def test_an_owner_that_was_away_for_longer_than_the_retention_ends_nothing_twice(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(retention=60, model_idle_timeout=10_000) as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        here.model.say("half")
        await trio.sleep(1)
        here.replication.away = True
        await trio.sleep(3 * LEASE)
        assert isinstance(await (await there.find(job.job_id)).ended(), Failed)
        stored = await replicas.records.messages(C1)
        await trio.sleep(300)  # the next owner has let go of the job
        again = await there.start(message_id="again", response_id="other")
        await again.opened()
        here.replication.away = False
        await trio.sleep(10)
        here.model.say(" and all")
        here.model.finish()
        await trio.sleep(10)

        after = await replicas.records.messages(C1)
        assert [each.content for each in after[:2]] == [each.content for each in stored]
        assert supervisor_at(here).registry.find(job.job_id) is None


async def test_a_turn_that_waits_does_not_take_a_directory_that_lost_all_for_an_ending(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        await there.begin("enqueue")
        there.replication.fails = 1  # the question for the owner of the turn before
        await trio.sleep(0.01)
        here.replication.hears_nothing = 2
        replicas.world.forget_everything()

        await one_runs(replicas)


async def test_a_start_is_not_decided_by_a_directory_that_lost_all(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        here.replication.hears_nothing = 2
        replicas.world.forget_everything()
        await trio.sleep(0.5)
        with suppress(StorageError):
            await there.begin("enqueue")

        await one_runs(replicas)


async def test_starts_go_on_once_all_replicas_have_told_again(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        running = await here.start()
        await running.opened()
        waiting = await here.begin("enqueue")
        replicas.world.forget_everything()
        await trio.sleep(LEASE / 2)

        assert (await there.find(waiting.job.job_id)).job_id == waiting.job.job_id
        later = await there.begin("enqueue")
        assert later.queued
        await one_runs(replicas)


async def test_a_queued_turn_that_is_handed_on_after_a_loss_waits_for_the_turn_before(
    autojump_clock: MockClock,
) -> None:
    """Of the turn that runs, the directory has not been told again when the next owner looks."""
    async with open_replicas(3) as replicas:
        here, leaver, _ = replicas.seats
        await (await here.start()).opened()
        queued = await leaver.start("enqueue")
        await queued.queued()
        await trio.sleep(LEASE)
        here.replication.hears_nothing = 3
        replicas.world.forget_everything()
        leaver.leave()

        await one_runs(replicas)


async def one_runs(replicas: Replicas) -> None:
    for _ in range(50):
        await trio.sleep(0.1)
        assert sum(seat.model.open_connections for seat in replicas.seats) == 1


async def test_what_is_lost_once_more_while_it_is_told_is_told_once_more(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, _ = replicas.seats
        job = await here.start()
        await job.opened()
        reannounce = here.replication.reannounce

        async def tells(jobs: Sequence[DirectoryEntry]) -> None:
            here.replication.reannounce = reannounce  # type: ignore[method-assign]
            replicas.world.forget_everything()
            await trio.sleep(LEASE / 2)  # which the next looks see
            await reannounce(jobs)

        here.replication.reannounce = tells  # type: ignore[method-assign]
        replicas.world.forget_everything()
        await trio.sleep(3 * LEASE)

        assert replicas.world.stages == {job.job_id: "begun"}
        assert here.replication.is_whole
