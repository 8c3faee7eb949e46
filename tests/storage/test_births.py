"""A directory that was just born: presence counts at once, absence once all replicas have told."""

from collections.abc import Sequence

import pytest
from trio.testing import MockClock

from legato.storage.contracts.journal import Entries
from legato.storage.contracts.replication import (
    DirectoryEntry,
    Entered,
    IncompleteDirectory,
    JobInfo,
    Replication,
)
from tests.storage.contracts.test_journal import EVENTS
from tests.support.storage.redis_servers import RedisServer
from tests.support.storage.worlds import LEASE, World, at_stage, info

BEAT = LEASE / 10
MINE = info("j1", request_id="r", place=1)


def before(outcome: object) -> Sequence[JobInfo]:
    """The jobs that an entered job has to wait for."""
    assert isinstance(outcome, Entered), outcome
    return outcome.before


async def passes(clock: MockClock, seconds: float, *replicas: Replication) -> None:
    """Time does, and the replicas beat meanwhile."""
    for _ in range(round(seconds / BEAT)):
        clock.jump(BEAT)
        for replica in replicas:
            await replica.liveness.beat()


async def reannounce(replica: Replication, *jobs: DirectoryEntry) -> None:
    places = [Entries(told.info.job_id, told.epoch, 1, ()) for told in jobs]
    assert [*await replica.journal.append(places)] == []
    await replica.directory.reannounce(jobs)
    replica.liveness.told()


async def decides_nothing(replica: Replication) -> None:
    assert not replica.liveness.is_whole
    for ask in (
        lambda: replica.directory.find("nobody"),
        lambda: replica.directory.conversation("ann", "nothing"),
        lambda: replica.directory.conversation("ann", "c1", whole=True),
        lambda: replica.directory.request("ann", "nothing"),
        lambda: replica.directory.enter(info("new", "new"), "reject", max_per_user=9),
    ):
        with pytest.raises(IncompleteDirectory, match="up to 10 s"):
            await ask()
    assert isinstance(await replica.directory.running("ann"), Sequence)


async def decides(replica: Replication) -> None:
    assert replica.liveness.is_whole
    assert await replica.directory.find("nobody") is None
    assert await replica.directory.conversation("ann", "nothing") == []
    assert await replica.directory.conversation("ann", "nothing", whole=True) == []
    assert await replica.directory.request("ann", "nothing") is None
    new = info("new", "new")
    assert before(await replica.directory.enter(new, "reject", max_per_user=9)) == []
    await replica.directory.withdraw(new)


async def test_who_begins_where_nothing_is_missing_decides_at_once(world: World) -> None:
    for _ in range(2):
        await decides(await world.replica())


async def test_nothing_is_decided_until_all_have_told(world: World, mock_clock: MockClock) -> None:
    one, other = await world.replica(), await world.replica()
    await one.directory.enter(MINE, "reject", max_per_user=9)
    await passes(mock_clock, BEAT, one, other)
    world.lose_all()
    assert not await one.liveness.beat()
    assert not await other.liveness.beat()
    await decides_nothing(other)
    other.liveness.told()
    await passes(mock_clock, 3 * BEAT, one, other)
    await decides_nothing(one)
    await decides_nothing(other)
    await reannounce(one, DirectoryEntry(info=MINE, epoch=1, stage="waiting"))
    await decides_nothing(one)
    await passes(mock_clock, 2 * BEAT, one, other)

    await decides(one)
    await decides(other)
    assert await other.directory.conversation("ann", "c1") == [at_stage(MINE, "waiting")]
    await decides(await world.replica())


async def test_what_is_there_counts_though_not_all_have_told(
    world: World, mock_clock: MockClock
) -> None:
    one, other = await world.replica(), await world.replica()
    await one.directory.enter(MINE, "reject", max_per_user=9)
    await passes(mock_clock, BEAT, one, other)
    world.lose_all()
    await passes(mock_clock, BEAT, one, other)
    await reannounce(one, DirectoryEntry(info=MINE, epoch=1, stage="waiting"))

    found = await other.directory.find("j1")
    assert found is not None
    assert found.info == MINE
    assert await other.directory.conversation("ann", "c1") == [at_stage(MINE, "waiting")]
    with pytest.raises(IncompleteDirectory):
        await other.directory.conversation("ann", "c1", whole=True)
    assert await other.directory.request("ann", "r") == MINE
    assert await other.directory.running("ann") == ["c1"]
    await decides_nothing(other)


async def test_who_gives_no_sign_for_a_lease_is_waited_for_no_longer(
    world: World, mock_clock: MockClock
) -> None:
    one, _ = await world.replica(), await world.replica()
    await passes(mock_clock, BEAT, one)
    world.lose_all()
    await passes(mock_clock, BEAT, one)
    one.liveness.told()
    await passes(mock_clock, LEASE - 3 * BEAT, one)
    await decides_nothing(one)
    await passes(mock_clock, 3 * BEAT, one)

    await decides(one)


async def test_who_left_is_waited_for_no_longer(world: World, mock_clock: MockClock) -> None:
    one, (_, die) = await world.replica(), await world.open()
    await die()
    await passes(mock_clock, BEAT, one)
    world.lose_all()
    await passes(mock_clock, BEAT, one)
    one.liveness.told()
    await passes(mock_clock, BEAT, one)

    await decides(one)


async def test_who_finds_all_lost_and_knows_nobody_watches_for_a_lease(
    world: World, mock_clock: MockClock
) -> None:
    world.lose_all()
    one = await world.replica()
    await passes(mock_clock, LEASE - BEAT, one)
    await decides_nothing(one)
    second = await world.replica()
    await decides_nothing(second)
    await passes(mock_clock, 3 * BEAT, one, second)

    await decides(one)
    await decides(second)


async def test_a_newcomer_waits_for_who_has_not_told(world: World, mock_clock: MockClock) -> None:
    old = await world.replica()
    await old.directory.enter(MINE, "reject", max_per_user=9)
    world.lose_all()
    new = await world.replica()
    await passes(mock_clock, 3 * BEAT, new, old)
    await decides_nothing(new)
    await passes(mock_clock, LEASE, new, old)
    await decides_nothing(new)
    await reannounce(old, DirectoryEntry(info=MINE, epoch=1, stage="waiting"))
    await passes(mock_clock, 2 * BEAT, old, new)

    await decides(new)


async def test_who_was_blind_for_a_lease_knows_nobody_any_more(
    world: World, mock_clock: MockClock
) -> None:
    one, other = await world.replica(), await world.replica()
    await passes(mock_clock, BEAT, one, other)
    world.lose_all()
    third = await world.replica()
    await passes(mock_clock, LEASE, third)
    assert not await one.liveness.beat()
    one.liveness.told()
    await passes(mock_clock, BEAT, one)
    await decides_nothing(one)


async def test_a_start_that_was_entered_where_all_was_lost_is_withdrawn(
    world: World, mock_clock: MockClock
) -> None:
    one = await world.replica()
    await passes(mock_clock, BEAT, one)
    world.lose_all()
    assert one.liveness.is_whole, "as of its last look"
    with pytest.raises(IncompleteDirectory):
        await one.directory.enter(MINE, "reject", max_per_user=1)
    for absent in (
        lambda: one.directory.find("j1"),
        lambda: one.directory.conversation("ann", "c1"),
        lambda: one.directory.request("ann", "r"),
    ):
        with pytest.raises(IncompleteDirectory):
            await absent()
    assert await one.directory.running("ann") == []
    assert not await one.liveness.beat()
    one.liveness.told()
    await passes(mock_clock, BEAT, one)

    again = info("j3", request_id="r")
    assert before(await one.directory.enter(again, "reject", max_per_user=1)) == []


async def test_all_tell_again_where_the_last_signs_were_lost(
    redis_world: World, redis_server: RedisServer, mock_clock: MockClock
) -> None:
    """A failover: the new master has what was there a second ago."""
    one, other = await redis_world.replica(), await redis_world.replica()
    older = redis_server.dump("test:replicas")
    await passes(mock_clock, BEAT, one, other)
    redis_server.restore("test:replicas", older)

    assert not await one.liveness.beat()
    assert not await other.liveness.beat()
    await decides_nothing(one)
    for replica in (one, other):
        replica.liveness.told()
    await passes(mock_clock, 2 * BEAT, one, other)
    await decides(one)


async def test_a_job_that_ran_is_told_again_by_its_log(world: World, mock_clock: MockClock) -> None:
    one = await world.replica()
    await one.directory.enter(MINE, "reject", max_per_user=9)
    await one.journal.append([Entries("j1", 1, 1, EVENTS[:2])])
    await passes(mock_clock, BEAT, one)
    world.lose_all()
    assert not await one.liveness.beat()
    await one.directory.reannounce([DirectoryEntry(info=MINE, epoch=1, stage="begun")])
    with pytest.raises(IncompleteDirectory):
        await one.directory.find("j1")
    assert [*await one.journal.append([Entries("j1", 1, 1, EVENTS[:3])])] == []
    one.liveness.told()

    found = await one.directory.find("j1")
    assert found is not None
    assert (found.owner, found.epoch) == (one.me, 1)
    assert await one.directory.conversation("ann", "c1") == [at_stage(MINE, "begun")]


async def test_nobody_takes_jobs_over_until_all_have_told(
    world: World, mock_clock: MockClock
) -> None:
    dead, one, other = [await world.replica() for _ in range(3)]
    await dead.directory.enter(MINE, "reject", max_per_user=9)
    await passes(mock_clock, 2 * LEASE, one, other)
    world.lose_all()
    assert [*await one.journal.take_over()] == []  # before anybody saw the loss
    await dead.journal.append([Entries("j1", 1, 1, EVENTS[:2])])  # what a standby still has
    await passes(mock_clock, BEAT, one, other)
    one.liveness.told()
    await passes(mock_clock, BEAT, one, other)
    assert [*await one.journal.take_over()] == []
    other.liveness.told()
    await passes(mock_clock, 2 * BEAT, one, other)

    assert [each.job_id for each in await one.journal.take_over()] == ["j1"]
