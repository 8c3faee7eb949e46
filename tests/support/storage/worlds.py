"""Replicas that share a storage, each as if in a process of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import pytest

from legato.storage.contracts.journal import OrphanedJob
from legato.storage.contracts.replication import DirectoryEntry, JobInfo, JobStage, Replication
from legato.storage.memory import shared_memory as memory_world
from legato.storage.memory.replication import MemoryReplication
from legato.storage.redis.replication import open_replication
from tests.support.storage.redis_servers import RedisCluster, RedisServer

LEASE: Final = 10.0
"""Seconds, of a test's clock."""

Open = Callable[[], AbstractAsyncContextManager[Replication]]
Die = Callable[[], Awaitable[None]]


class World:
    """Opens replicas on a shared storage."""

    def __init__(
        self, stack: AsyncExitStack, open_one: Open, lose_all: Callable[[], None] = lambda: None
    ) -> None:
        """`lose_all`: makes the shared storage forget everything."""
        self._stack = stack
        self._open_one = open_one
        self.lose_all = lose_all

    async def open(self) -> tuple[Replication, Die]:
        """A replica, and the replica's death, seen by everybody at once."""
        mine = AsyncExitStack()
        self._stack.push_async_exit(mine)
        replica = await mine.enter_async_context(self._open_one())

        async def die() -> None:
            await replica.liveness.leave()
            await mine.aclose()

        return replica, die

    async def replica(self) -> Replication:
        return (await self.open())[0]


@pytest.fixture(params=["memory", "redis_server", "redis_cluster"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            shared = memory_world.SharedMemory()
            yield World(stack, lambda: _in_memory(shared), shared.lose_all)
        else:
            server = request.getfixturevalue(request.param)
            yield _on_redis(stack, server)


def _on_redis(stack: AsyncExitStack, server: RedisServer | RedisCluster) -> World:
    opened = partial(open_replication, server.url, prefix="test", lease=LEASE)
    return World(stack, opened, server.lose_all)


@asynccontextmanager
async def _in_memory(shared: memory_world.SharedMemory) -> AsyncIterator[Replication]:
    replica = MemoryReplication(shared, lease=LEASE)
    await replica.beat()
    yield replica


@pytest.fixture
async def redis_world(redis_server: RedisServer) -> AsyncIterator[World]:
    """A world on a single server."""
    async with AsyncExitStack() as stack:
        yield _on_redis(stack, redis_server)


@pytest.fixture
async def replica(world: World) -> Replication:
    return await world.replica()


async def take_over(replica: Replication) -> list[OrphanedJob]:
    """Take over after a look for gone replicas."""
    assert await replica.liveness.beat()
    return [*await replica.journal.take_over()]


def info(
    job_id: str,
    conversation_id: str = "c1",
    user: str = "ann",
    *,
    request_id: str | None = None,
    place: int = 0,
) -> JobInfo:
    return JobInfo(
        job_id=job_id,
        conversation_id=conversation_id,
        message_id=f"question of {job_id}",
        response_id=f"answer of {job_id}",
        user=user,
        model="model",
        request_id=request_id,
        place=place,
    )


def at_stage(job: JobInfo, stage: JobStage) -> DirectoryEntry:
    """The entry of a job in its conversation."""
    return DirectoryEntry(info=job, stage=stage)
