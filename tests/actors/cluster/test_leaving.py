"""A replica leaves only once the shared storage has what the replica leaves to others."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from legato.actors.supervision.shutdown import LAST_WRITE
from legato.config import Limits
from legato.events import Finished
from tests.support.replicas import LEASE, Replicas, Seat, open_replicas


@asynccontextmanager
async def with_a_queued_turn() -> AsyncIterator[tuple[Replicas, str]]:
    """Two replicas; the first has a running turn and a queued one, whose id comes along."""
    async with open_replicas() as replicas:
        here, _ = replicas.seats
        await (await here.start()).opened()
        queued = await here.start("enqueue", text="queued question")
        await queued.queued()
        await trio.sleep(LEASE)
        yield replicas, queued.job_id


def lose_as_it_leaves(seat: Seat, lose: Callable[[], None]) -> None:
    """Have `lose` called at the last moment: the replica has told everything, and says goodbye."""
    leave = seat.replication.leave

    async def first_lost() -> bool:
        seat.replication.leave = leave  # type: ignore[method-assign]
        lose()
        return await leave()

    seat.replication.leave = first_lost  # type: ignore[method-assign]


async def is_answered(job_id: str, seat: Seat) -> bool:
    await trio.sleep(3 * LEASE)
    seat.model.say("the answer")
    seat.model.finish()
    return isinstance(await (await seat.find(job_id)).ended(), Finished)


@pytest.mark.parametrize(("fails", "pause"), [(0, 0.0), (12, 0.0), (0, 0.3)])
async def test_a_queued_turn_outlives_a_loss_while_its_replica_leaves(
    autojump_clock: MockClock, fails: int, pause: float
) -> None:
    """The shared storage loses everything, and then fails or is slow."""
    async with with_a_queued_turn() as (replicas, job_id):
        here, there = replicas.seats

        def lose() -> None:
            replicas.world.forget_everything()
            here.replication.fails, here.replication.pause = fails, pause

        lose_as_it_leaves(here, lose)
        here.leave()
        await here.ended.wait()

        assert await is_answered(job_id, there)


async def test_a_turn_that_is_handed_on_after_a_loss_is_not_told_to_be_over(
    autojump_clock: MockClock,
) -> None:
    """Or the next turn of its conversation would run beside it."""
    async with with_a_queued_turn() as (replicas, job_id):
        here, _ = replicas.seats
        lose_as_it_leaves(here, replicas.world.forget_everything)
        here.leave()
        await here.ended.wait()

        assert replicas.world.stages[job_id] == "begun"


async def test_a_replica_with_a_queued_turn_leaves_in_time_though_the_storage_is_away(
    autojump_clock: MockClock,
) -> None:
    async with with_a_queued_turn() as (replicas, job_id):
        here, there = replicas.seats
        here.replication.away = True
        here.leave()
        began = trio.current_time()
        await here.ended.wait()

        assert trio.current_time() - began <= Limits().store_timeout + 3 * LAST_WRITE
        assert await is_answered(job_id, there), "the journal had the turn before"
