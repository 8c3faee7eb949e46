"""The promises of every implementation of Liveness: only the looker's own clock counts."""

import pytest
from trio.testing import MockClock

from legato.storage.contracts.replication import Replication
from tests.support.storage.worlds import LEASE, World

BEAT = LEASE / 10


async def beats(replica: Replication, clock: MockClock, seconds: float) -> None:
    for _ in range(round(seconds / BEAT)):
        clock.jump(BEAT)
        assert await replica.liveness.beat()


async def test_whoever_beats_is_alive(world: World, mock_clock: MockClock) -> None:
    one, other = await world.replica(), await world.replica()
    for _ in range(30):
        mock_clock.jump(BEAT)
        assert await one.liveness.beat()
        assert await other.liveness.beat()

    assert [*one.liveness.alive()] == [other.me]
    assert [*other.liveness.alive()] == [one.me]


async def test_whoever_gives_no_sign_for_a_lease_is_gone(
    world: World, mock_clock: MockClock
) -> None:
    one, other = await world.replica(), await world.replica()
    await beats(one, mock_clock, LEASE)
    assert [*one.liveness.alive()] == [other.me]
    await beats(one, mock_clock, 2 * BEAT)
    assert [*one.liveness.alive()] == []
    assert await other.liveness.beat()
    assert await one.liveness.beat()

    assert [*one.liveness.alive()] == [other.me], "it was only paused"


async def test_whoever_leaves_is_gone_at_once(world: World) -> None:
    one, other = await world.replica(), await world.replica()
    await one.liveness.beat()
    await other.liveness.leave()
    assert await one.liveness.beat()

    assert [*one.liveness.alive()] == []


async def test_whoever_leaves_a_storage_that_lost_everything_stays(world: World) -> None:
    one, other = await world.replica(), await world.replica()
    await other.liveness.beat()
    world.lose_all()

    assert not await other.liveness.leave()
    assert not await other.liveness.beat()
    assert not await one.liveness.beat()
    assert [*one.liveness.alive()] == [other.me]
    assert await other.liveness.leave()
    assert await one.liveness.beat()
    assert [*one.liveness.alive()] == []


async def test_who_was_paused_itself_begins_to_look_anew(
    world: World, mock_clock: MockClock
) -> None:
    one, other = await world.replica(), await world.replica()
    await beats(one, mock_clock, LEASE / 2)
    mock_clock.jump(LEASE)
    assert await one.liveness.beat()
    assert [*one.liveness.alive()] == [other.me]
    await beats(one, mock_clock, LEASE - BEAT)
    assert [*one.liveness.alive()] == [other.me]
    await beats(one, mock_clock, 2 * BEAT)

    assert [*one.liveness.alive()] == []


async def test_who_is_gone_stays_gone_though_the_looker_pauses(
    world: World, mock_clock: MockClock
) -> None:
    one, _ = await world.replica(), await world.replica()
    await beats(one, mock_clock, LEASE + 2 * BEAT)
    mock_clock.jump(LEASE)
    assert await one.liveness.beat()

    assert [*one.liveness.alive()] == []


async def test_one_of_whom_nothing_is_left_is_forgotten_and_may_come_back(
    world: World, mock_clock: MockClock
) -> None:
    one, other = await world.replica(), await world.replica()
    await beats(one, mock_clock, LEASE + 2 * BEAT)
    assert [*await one.journal.take_over()] == []
    third = await world.replica()
    assert [*third.liveness.alive()] == [one.me]
    assert await other.liveness.beat(), "what was its is another's, and nothing is lost"
    assert await one.liveness.beat()

    assert {*one.liveness.alive()} == {other.me, third.me}


@pytest.fixture(autouse=True)
def still(mock_clock: MockClock) -> MockClock:
    """Time passes only when a test says so."""
    return mock_clock
