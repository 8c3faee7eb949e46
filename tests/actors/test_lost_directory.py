"""Of a directory that lost everything, absence is no fact."""

from contextlib import suppress

import trio
from trio.testing import MockClock

from legato.storage.contract import StorageError
from tests.actors.replicas import open_replicas


async def test_a_turn_that_waits_does_not_take_a_directory_that_lost_all_for_an_ending(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        await there.begin("enqueue")
        there.replication.fails = 1  # the question who owns the turn before
        await trio.sleep(0.01)
        here.replication.hears_nothing = 2
        replicas.world.forget_everything()
        for _ in range(50):
            await trio.sleep(0.1)
            assert here.model.open_connections + there.model.open_connections == 1


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
        for _ in range(50):
            await trio.sleep(0.1)
            assert here.model.open_connections + there.model.open_connections == 1
