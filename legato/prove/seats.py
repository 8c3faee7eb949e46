"""Several replicas in one process, on a shared memory that fails."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, cast

import trio

from legato.actors.conversation.turn import Turn
from legato.actors.jobs import Jobs, Started
from legato.actors.ref import JobRef
from legato.actors.resources import JobResources
from legato.actors.supervision.contract import Supervision
from legato.agents.bare import BARE_RUNS
from legato.agents.contract import Runs
from legato.config import Limits, OnBusy, OnOwnerLost
from legato.dialects.contract import Dialect
from legato.models.contract import Model
from legato.prove.records import FaultyRecords, RecordsShare
from legato.prove.world import LEASE, Faulty, FaultyWorld
from legato.storage.contracts.records import Records
from legato.storage.contracts.replication import Replication

C1 = "11111111-1111-4111-8111-111111111111"
C2 = "22222222-2222-4222-8222-222222222222"

MakeRuns = Callable[[str, Model], Runs]


class OpenedReplica(Protocol):
    """A replica as the simulation looks at it."""

    @property
    def supervisor(self) -> Supervision: ...

    @property
    def jobs(self) -> Jobs: ...


class ReplicaOpener(Protocol):
    """Opens one replica of many; on leaving, the other replicas have its jobs at once."""

    def __call__(
        self,
        replication: Replication,
        resources: JobResources,
        *,
        lease: float,
        on_owner_lost: OnOwnerLost,
    ) -> AbstractAsyncContextManager[OpenedReplica]: ...


class Seat:
    """A replica with everything that a test does to a replica."""

    def __init__(self, cluster: "Replicas", replication: Faulty, model: Any) -> None:
        self.model = model
        self.replication = replication
        self.is_open = False
        self.ended = trio.Event()
        self._cluster = cluster
        self._scope = trio.CancelScope()
        self._replica: OpenedReplica | None = None
        self._gone = trio.Event()
        self._requests: trio.Nursery | None = None
        self._records = RecordsShare(cluster.records, cluster.nursery)

    @property
    def jobs(self) -> Jobs:
        assert self._replica is not None, "it is open"
        return self._replica.jobs

    @property
    def replica(self) -> OpenedReplica:
        assert self._replica is not None, "it is open"
        return self._replica

    async def run(self, opened: trio.Event) -> None:
        try:
            with self._scope:
                await self._live(opened)
        except Exception as error:
            self._cluster.on_broken(self, error)
        finally:
            self.is_open = False
            opened.set()
            self.ended.set()

    async def _live(self, opened: trio.Event) -> None:
        async with (
            self._cluster.open_replica(
                self.replication,
                JobResources(
                    records=cast("Records", self._records),
                    models={"played": self.model},
                    dialects=self._cluster.dialects,
                    limits=self._cluster.limits,
                    runs=self._cluster.runs(self.replication.me, self.model),
                    wall_clock=trio.current_time,  # a simulated day takes no time
                ),
                lease=LEASE,
                on_owner_lost=self._cluster.on_owner_lost,
            ) as self._replica,
            trio.open_nursery() as self._requests,
        ):
            self.is_open = True
            opened.set()
            await self._gone.wait()
            self._requests.cancel_scope.cancel()  # requests end before the jobs do

    def kill(self) -> None:
        """End the replica at once: no write after now has an effect, shielded or not."""
        self.is_open = False
        self.replication.away = True
        self._records.abandon()
        self._scope.cancel()

    def leave(self) -> None:
        self.is_open = False
        self._gone.set()

    async def serve(self, request: Callable[[], Awaitable[object]]) -> None:
        """Return when the request is done, or this replica is no more."""
        done = trio.Event()

        async def respond() -> None:
            try:
                await request()
            finally:
                done.set()

        if self.is_open and self._requests is not None:
            self._requests.start_soon(respond)
            await done.wait()

    async def begin(self, on_busy: OnBusy = "interrupt", **fields: Any) -> Started:
        return await self.jobs.start(self._cluster.turn(**fields), on_busy)

    async def start(self, on_busy: OnBusy = "interrupt", **fields: Any) -> JobRef:
        return (await self.begin(on_busy, **fields)).job

    async def find(self, stream_id: str, user: str = "ann") -> JobRef:
        found = await self.jobs.whereis(user, stream_id)
        assert found is not None
        return found


def raised(seat: Seat, error: Exception) -> None:
    raise error


class Replicas:
    def __init__(
        self,
        nursery: trio.Nursery,
        open_replica: ReplicaOpener,
        on_owner_lost: Any,
        model: Callable[[str], Model],
        dialects: Mapping[str, Dialect],
        records: FaultyRecords,
        runs: MakeRuns,
        **limits: Any,
    ) -> None:
        """`model` makes the model of a replica, from the replica's id, and `runs` the runs of the
        replica's agents."""
        self.world = FaultyWorld()
        self.records = records
        self.dialects = dialects
        self.limits = Limits(**limits)
        self.open_replica = open_replica
        self.on_owner_lost = on_owner_lost
        self.runs = runs
        self.on_broken: Callable[[Seat, Exception], None] = raised
        self.seats: list[Seat] = []
        self._model = model
        self.nursery = nursery
        self._count = 0

    async def open(self) -> Seat:
        me = f"replica-{len(self.seats)}"
        seat = Seat(self, Faulty(self.world, me), self._model(me))
        self.seats.append(seat)
        opened = trio.Event()
        self.nursery.start_soon(seat.run, opened)
        await opened.wait()
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
    count: int,
    open_replica: ReplicaOpener,
    *,
    on_owner_lost: str,
    model: Callable[[str], Model],
    dialects: Mapping[str, Dialect],
    records: FaultyRecords | None = None,
    runs: MakeRuns = lambda me, model: BARE_RUNS,
    **limits: Any,
) -> AsyncIterator[Replicas]:
    async with trio.open_nursery() as nursery:
        records = records or FaultyRecords()
        parts = open_replica, on_owner_lost, model, dialects, records, runs
        replicas = Replicas(nursery, *parts, **limits)
        for _ in range(count):
            await replicas.open()
        yield replicas
        nursery.cancel_scope.cancel()
