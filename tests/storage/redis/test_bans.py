"""Bans in Redis, beside the databases of two replicas."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from legato.storage.contracts.bans import Bans
from legato.storage.contracts.errors import StorageError
from legato.storage.memory.records import MemoryRecords
from legato.storage.redis.shared_guards import open_shared
from tests.storage.contracts.test_bans import HOUR, ban, in_force
from tests.support.storage.redis_servers import RedisServer
from tests.support.storage.turns import START, SteppedClock


@pytest.fixture
async def replicas(
    request: pytest.FixtureRequest, own_redis: RedisServer, clock: SteppedClock
) -> AsyncIterator[list[Bans]]:
    """Two replicas, each with a database of its own."""
    databases = [MemoryRecords(clock=clock).bans for _ in range(2)]
    async with (
        open_shared(own_redis.url, databases[0], prefix="test", clock=clock) as one,
        open_shared(own_redis.url, databases[1], prefix="test", clock=clock) as two,
    ):
        yield [one.bans, two.bans]


async def test_a_ban_is_in_force_at_every_replica_and_runs_out_at_all(
    replicas: list[Bans], clock: SteppedClock, own_redis: RedisServer
) -> None:
    await replicas[0].ban([ban("user:ann", 1, kind="concurrent", score=20)])
    await replicas[1].ban([ban("ip:192.0.2.1", 2)])

    expected = [ban("ip:192.0.2.1", 2), ban("user:ann", 1, kind="concurrent", score=20)]
    assert [await in_force(each) for each in replicas] == [expected, expected]
    assert await in_force(replicas[0], limit=1) == expected[:1]
    clock.now = START + 2 * HOUR
    assert [await in_force(each) for each in replicas] == [[], []]
    assert own_redis.ask("KEYS", "*:bans") == []


async def test_the_longer_of_two_bans_stays(replicas: list[Bans]) -> None:
    await replicas[0].ban([ban("user:ann", 2)])
    await replicas[1].ban([ban("user:ann", 1, kind="logins")])

    assert [await in_force(each) for each in replicas] == [[ban("user:ann", 2)]] * 2


async def test_lifting_lifts_at_every_replica(replicas: list[Bans]) -> None:
    await replicas[0].ban([ban("user:ann", 2), ban("user:bob", 1)])

    assert await replicas[0].lift("user:ann")
    assert not await replicas[0].lift("user:ann")
    assert [await in_force(each) for each in replicas] == [[ban("user:bob", 1)]] * 2
    assert await replicas[1].lift("user:bob")  # the second replica's database never had the ban


async def test_violations_add_up_in_the_database(replicas: list[Bans]) -> None:
    assert await replicas[0].blame(["user:ann"], "logins", 3, lifetime=HOUR) == [3]


async def test_bans_hold_while_redis_is_away_and_after_it_lost_them(
    replicas: list[Bans], own_redis: RedisServer
) -> None:
    await replicas[0].ban([ban("user:ann", 2)])
    own_redis.stop()
    with capture_logs() as logs:
        await replicas[0].ban([ban("user:bob", 1)])

    assert [line["event"] for line in logs] == ["a ban is in the database only"]
    assert await in_force(replicas[0]) == [ban("user:ann", 2), ban("user:bob", 1)]
    with pytest.raises(StorageError):
        await replicas[0].lift("user:ann")
    own_redis.start()
    assert await in_force(replicas[0]) == [ban("user:ann", 2), ban("user:bob", 1)]
