"""A pipeline is the smallest step: after any of them Redis may fail, or the replica die."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import TypeVar

import pytest
from redis.exceptions import RedisError

from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Entries
from legato.storage.contracts.replication import Entered, Replication
from legato.storage.redis.connection.commands import Answer, Command, Word
from legato.storage.redis.connection.nodes import Nodes
from legato.storage.redis.connection.pools import Pool
from legato.storage.redis.replication import RedisReplication, open_replication
from tests.storage.contracts.test_journal import EVENTS
from tests.support.storage.redis_servers import RedisServer
from tests.support.storage.worlds import World, info, take_over

JOB = info("j", request_id="r")
FIRST = Entries("j", 1, 1, EVENTS)
T = TypeVar("T")


def every_moment(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Nothing here has more steps; with the last, nothing fails."""
    steps = pytest.mark.parametrize("step", range(10))
    marked: Callable[..., Awaitable[None]] = steps(
        pytest.mark.parametrize("heard", [True, False])(test)
    )
    return marked


class Failing:
    """Nodes that fail at the given step, heard or unheard by the servers."""

    def __init__(self, nodes: Nodes, step: int, *, heard: bool) -> None:
        self._nodes = nodes
        self._heard = heard
        self.left = step
        self.keys_at_once = nodes.keys_at_once

    def run(self, commands: Sequence[Command]) -> list[Answer]:
        self.left -= 1
        if self.left == -1 and not self._heard:
            raise RedisError("cut before")
        answers = self._nodes.run(commands)
        if self.left == -1:
            raise RedisError("cut after")
        return answers

    def everywhere(self, words: tuple[Word, ...]) -> list[Answer]:
        return self._nodes.everywhere(words)

    def pool(self, key: bytes) -> Pool:
        return self._nodes.pool(key)

    def close(self) -> None:
        self._nodes.close()


@pytest.fixture
async def world(redis_server: RedisServer) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(stack, lambda: open_replication(redis_server.url, prefix="test", lease=10))


async def fails(
    replica: Replication, step: int, heard: bool, act: Callable[[], Awaitable[T]]
) -> T | None:
    """Act with a failure at `step`; the result where there are fewer steps, else None."""
    assert isinstance(replica, RedisReplication)
    client = replica.journal._client
    nodes = client._nodes
    client._nodes = failing = Failing(nodes, step, heard=heard)
    try:
        done = await act()
    except StorageError:
        return None
    finally:
        client._nodes = nodes
    assert failing.left >= 0
    return done


@every_moment
async def test_what_failed_at_any_step_may_be_asked_again(
    step: int, heard: bool, world: World, redis_server: RedisServer
) -> None:
    replica, other = await world.replica(), await world.replica()
    before = keys(redis_server)

    async def again(act: Callable[[], Awaitable[object]]) -> object:
        await fails(replica, step, heard, act)
        return await act()

    entered = await again(lambda: replica.directory.enter(JOB, "reject", max_per_user=1))
    assert entered == Entered([], 1)
    assert not await again(lambda: replica.journal.append([FIRST]))
    await again(lambda: replica.journal.mark_done(["j"]))
    assert (await other.journal.read("j")).entries == [FIRST]
    assert await other.directory.running("ann") == []
    await again(lambda: replica.journal.forget(["j"]))
    assert keys(redis_server) == before
    await again(lambda: replica.directory.withdraw(JOB))
    assert keys(redis_server) == before


@every_moment
async def test_what_was_taken_over_is_reported_once_whatever_failed(
    step: int, heard: bool, world: World, redis_server: RedisServer
) -> None:
    first, second = await world.replica(), await world.replica()
    await first.directory.enter(JOB, "reject", max_per_user=1)
    await first.liveness.leave()
    await take_over(second)
    await second.liveness.leave()
    redis_server.ask("HDEL", "test:replicas", first.me)  # which was only paused
    await first.liveness.beat()
    taken = await fails(first, step, heard, first.journal.take_over)

    assert [job.epoch for job in taken or await first.journal.take_over()] == [3]
    assert [*await first.journal.take_over()] == []
    last = await world.replica()
    await first.liveness.leave()
    assert [job.epoch for job in await take_over(last)] == [4]


@every_moment
async def test_whoever_dies_at_any_step_leaves_nothing_that_nobody_has(
    step: int, heard: bool, world: World, redis_server: RedisServer
) -> None:
    last = await world.replica()
    before = keys(redis_server)
    dead, die = await world.open()
    await fails(dead, step, heard, lambda: whole_life(dead))
    await die()

    taken = [job.job_id for job in await take_over(last)]
    listed = [each.info.job_id for each in await last.directory.conversation("ann", "c1")]
    assert set(listed) <= set(taken)
    await last.journal.mark_done(taken)
    await last.journal.forget(taken)
    await take_over(last)
    left = set(keys(redis_server)) - set(before)
    assert {key for key in left if redis_server.ask("TTL", key) == -1} == set()
    assert await last.directory.running("ann") == []
    assert await last.directory.request("ann", "r") is None


async def whole_life(replica: Replication) -> None:
    await replica.directory.enter(JOB, "reject", max_per_user=1)
    await replica.journal.append([FIRST])
    await replica.journal.mark_done(["j"])
    await replica.journal.forget(["j"])


def keys(server: RedisServer) -> list[str]:
    found = server.ask("KEYS", "*")
    assert isinstance(found, list)
    return sorted(key.decode() for key in found)
