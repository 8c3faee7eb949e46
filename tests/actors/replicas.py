"""Several replicas in one process, on a world that fails as a test has it fail."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio

from legato.actors.jobs import Jobs
from legato.actors.ref import JobRef
from legato.actors.supervision import Replica, open_replica
from legato.actors.turn import Turn
from legato.config import Limits, OnBusy
from legato.dialects.librechat import LibreChat
from legato.storage.contract import StorageError
from legato.storage.memory_replication import MemoryReplication, World
from tests.actors.kit import C1, FlakyRecords, PlayedModel

LEASE = 10.0


class Faulty(MemoryReplication):
    """A replica's share of the world, which may be out of its reach, or lose packets."""

    def __init__(self, world: World, me: str) -> None:
        super().__init__(world, lease=LEASE, me=me)
        self.away = False
        self.loses = 0  # how many of the next packets are lost

    async def send(self, packets: Sequence[tuple[str, bytes]]) -> None:
        arriving = [each for each in packets if not self._loses()]
        await super().send(arriving)

    def _loses(self) -> bool:
        self.loses -= self.loses > 0
        return self.loses > 0

    async def _checkpoint(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise StorageError("the shared storage is away")


class Seat:
    """One replica: what a test does at it."""

    def __init__(self, cluster: "Replicas", replication: Faulty) -> None:
        self.model = PlayedModel()
        self.replication = replication
        self._cluster = cluster
        self._scope = trio.CancelScope()
        self._replica: Replica | None = None
        self._gone = trio.Event()

    @property
    def jobs(self) -> Jobs:
        assert self._replica is not None, "it is open"
        return self._replica.jobs

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        with self._scope:
            async with open_replica(
                self.replication,
                records=self._cluster.records,
                models={"played": self.model},
                dialects={"librechat": LibreChat},
                limits=self._cluster.limits,
                lease=LEASE,
                on_owner_lost=self._cluster.on_owner_lost,
            ) as self._replica:
                task_status.started()
                await self._gone.wait()

    def kill(self) -> None:
        self._scope.cancel()

    def leave(self) -> None:
        self._gone.set()

    async def start(self, on_busy: OnBusy = "interrupt", **fields: Any) -> JobRef:
        return (await self.jobs.start(self._cluster.turn(**fields), on_busy)).job

    async def find(self, stream_id: str, user: str = "ann") -> JobRef:
        found = await self.jobs.whereis(user, stream_id)
        assert found is not None
        return found


class Replicas:
    def __init__(self, nursery: trio.Nursery, on_owner_lost: Any, **limits: Any) -> None:
        self.world = World()
        self.records = FlakyRecords()
        self.limits = Limits(**limits)
        self.on_owner_lost = on_owner_lost
        self.seats: list[Seat] = []
        self._nursery = nursery
        self._count = 0

    async def open(self) -> Seat:
        seat = Seat(self, Faulty(self.world, f"replica-{len(self.seats)}"))
        self.seats.append(seat)
        await self._nursery.start(seat.run)
        return seat

    def turn(self, **fields: Any) -> Turn:
        self._count += 1
        given = {
            "job_id": f"01M846XJQTHKRR16F0RWQP{self._count:04}",
            "conversation_id": C1,
            "message_id": f"question-{self._count}",
            "response_id": f"answer-{self._count}",
            "user": "ann",
            "model": "played",
            "text": "hello",
        }
        return Turn(**(given | fields))


@asynccontextmanager
async def open_replicas(
    count: int = 2, *, on_owner_lost: str = "seal", **limits: Any
) -> AsyncIterator[Replicas]:
    async with trio.open_nursery() as nursery:
        replicas = Replicas(nursery, on_owner_lost, **limits)
        for _ in range(count):
            await replicas.open()
        yield replicas
        nursery.cancel_scope.cancel()
