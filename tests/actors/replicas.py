"""Several replicas in one process, on a world that fails as a test has it fail."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from copy import copy
from typing import Any, TypeVar

import trio

from legato.actors.jobs import Jobs
from legato.actors.ref import JobRef
from legato.actors.supervision import Replica, open_replica
from legato.actors.supervisor import Started
from legato.actors.turn import Turn
from legato.config import Limits, OnBusy
from legato.dialects.librechat import LibreChat
from legato.models.contract import Model
from legato.storage.contract import Abandoned, Entries, Refusal, StorageError
from legato.storage.memory_replication import MemoryReplication, WorldJournal
from legato.storage.memory_world import World
from legato.storage.replicas import Denied, Entered, Joined, Listing, Told
from tests.actors.kit import C1, FlakyRecords, PlayedModel
from tests.actors.numbers import Numbers

LEASE = 10.0

T = TypeVar("T")


class FaultyWorld(World):
    """A world that can lose everything but who there is."""

    def forget_everything(self) -> None:
        self.lose_all()


class FaultyJournal(WorldJournal):
    """A journal that may do what it is told, and report that it failed."""

    faulty: "Faulty"

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        self.faulty.on_write()
        if not self.faulty.keeps:
            raise StorageError("nothing is kept")
        return await self.faulty.reported(super().append(batch))

    async def take_over(self) -> Sequence[Abandoned]:
        if not self.faulty.inherits:
            return ()
        return await self.faulty.reported(super().take_over())

    async def settle(self, job_ids: Sequence[str]) -> None:
        await self.faulty.reported(super().settle(job_ids))

    async def forget(self, job_ids: Sequence[str]) -> None:
        await self.faulty.reported(super().forget(job_ids))


class Faulty(MemoryReplication):
    """A replica's share of the world: out of reach, slow, losing packets, or of a false report."""

    def __init__(self, world: World, me: str) -> None:
        super().__init__(world, lease=LEASE, me=me)
        self.journal = FaultyJournal(world, me, self._births, self._checkpoint)
        self.journal.faulty = self
        self.on_write: Callable[[], None] = lambda: None  # before each write of entries
        self.away = False
        self.keeps = True  # whether entries are kept
        self.forgets_nothing = 0  # how many of the next endings before a beginning fail to be noted
        self.inherits = True  # whether it takes over from those that are gone
        self.pause = 0.0  # seconds that everything takes to be done, and to be answered
        self.loses = 0  # how many of the next packets are lost
        self.fails = 0  # how many of the next calls fail
        self.hears_nothing = 0  # how many of the next tellings again fail
        self.lies = 0  # how many of the next calls are done, and reported as failed

    async def reported(self, work: Awaitable[T]) -> T:
        done = await work
        await trio.sleep(self.pause)
        if self.lies > 0:
            self.lies -= 1
            raise StorageError("the shared storage did not answer")
        return done

    async def enter(
        self, listing: Listing, on_busy: OnBusy, *, max_per_user: int
    ) -> Entered | Joined | Denied:
        return await self.reported(super().enter(listing, on_busy, max_per_user=max_per_user))

    async def void(self, listing: Listing, *, may_repeat: bool) -> None:
        if self.forgets_nothing > 0:
            self.forgets_nothing -= 1
            raise StorageError("nothing is forgotten")
        await super().void(listing, may_repeat=may_repeat)

    async def tell_again(self, jobs: Sequence[Told]) -> None:
        if self.hears_nothing > 0:
            self.hears_nothing -= 1
            raise StorageError("nothing is heard")
        await self.reported(super().tell_again(jobs))

    async def beat(self) -> bool:
        before = copy(self._births)
        try:
            return await self.reported(super().beat())
        except StorageError:
            self._births = before  # who does not hear what came of it saw nothing
            raise

    async def send(self, packets: Sequence[tuple[str, bytes]]) -> None:
        arriving = [each for each in packets if not self._loses()]
        await self.reported(super().send(arriving))

    async def receive(self) -> Sequence[bytes]:
        packets = await super().receive()
        while self.away:  # noqa: ASYNC110
            await trio.sleep(0.1)
        await trio.sleep(self.pause)
        return packets

    def _loses(self) -> bool:
        if self.loses == 0:
            return False
        self.loses -= 1
        return True

    async def _checkpoint(self) -> None:
        await trio.sleep(self.pause)
        if self.away:
            raise StorageError("the shared storage is away")
        if self.fails > 0:
            self.fails -= 1
            raise StorageError("the shared storage failed")


class Seat:
    """One replica: what a test does at it."""

    def __init__(self, cluster: "Replicas", replication: Faulty, model: Any) -> None:
        self.model = model
        self.replication = replication
        self.is_open = False
        self._cluster = cluster
        self._scope = trio.CancelScope()
        self._replica: Replica | None = None
        self._gone = trio.Event()
        self._requests: trio.Nursery | None = None

    @property
    def jobs(self) -> Jobs:
        assert self._replica is not None, "it is open"
        return self._replica.jobs

    @property
    def replica(self) -> Replica:
        assert self._replica is not None, "it is open"
        return self._replica

    async def run(self, opened: trio.Event) -> None:
        with self._scope:
            async with (
                open_replica(
                    self.replication,
                    records=self._cluster.records,
                    models={"played": self.model},
                    dialects={"librechat": LibreChat, "numbers": Numbers},
                    limits=self._cluster.limits,
                    lease=LEASE,
                    on_owner_lost=self._cluster.on_owner_lost,
                ) as self._replica,
                trio.open_nursery() as self._requests,
            ):
                self.is_open = True
                opened.set()
                await self._gone.wait()
                self._requests.cancel_scope.cancel()  # a server goes before its jobs

    def kill(self) -> None:
        """Nothing that it was about to do is done, whatever it shields."""
        self.is_open = False
        self.replication.away = True
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


class Replicas:
    def __init__(
        self,
        nursery: trio.Nursery,
        on_owner_lost: Any,
        model: Callable[[str], Model] | None = None,
        **limits: Any,
    ) -> None:
        """`model`: that of the replica whose id it gets."""
        self.world = FaultyWorld()
        self.records = FlakyRecords()
        self.limits = Limits(**limits)
        self.on_owner_lost = on_owner_lost
        self.seats: list[Seat] = []
        self._model = model or (lambda me: PlayedModel())
        self._nursery = nursery
        self._count = 0

    async def open(self) -> Seat:
        me = f"replica-{len(self.seats)}"
        seat = Seat(self, Faulty(self.world, me), self._model(me))
        self.seats.append(seat)
        opened = trio.Event()
        self._nursery.start_soon(seat.run, opened)
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
    count: int = 2,
    *,
    on_owner_lost: str = "seal",
    model: Callable[[str], Model] | None = None,
    **limits: Any,
) -> AsyncIterator[Replicas]:
    async with trio.open_nursery() as nursery:
        replicas = Replicas(nursery, on_owner_lost, model, **limits)
        for _ in range(count):
            await replicas.open()
        yield replicas
        nursery.cancel_scope.cancel()
