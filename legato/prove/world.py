"""The storage shared by all replicas, and each replica's access, failing on demand."""

import math
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from copy import copy
from typing import Any, Final, TypeVar

import trio

from legato.config import OnBusy
from legato.storage.births import new_birth
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Entries, OrphanedJob, Refusal
from legato.storage.contracts.replication import (
    UNLIMITED,
    DirectoryEntry,
    Entered,
    JobInfo,
    Joined,
    NotEntered,
    QueueLimits,
)
from legato.storage.failure_detector import LEFT
from legato.storage.memory.notices import MemoryNotices
from legato.storage.memory.replication import DirectoryJournal, MemoryReplication
from legato.storage.memory.shared_memory import SharedMemory

LEASE: Final = 10.0

OF_PROCESSES: Final = ("inboxes", "arrivals", "closed", "notices_written")
"""The fields about living processes, and notices, on which no promise rests; all other fields are
the content of the shared storage."""

T = TypeVar("T")
WorldState = dict[str, dict[Any, Any]]


class FaultyWorld(SharedMemory):
    """A shared memory that can lose its last writes, or everything except the list of processes."""

    def __init__(self) -> None:
        super().__init__()
        self.has_standby = False  # whether a standby keeps the states of the last seconds
        self._former: deque[tuple[float, WorldState]] = deque()

    def forget_everything(self) -> None:
        self.lose_all()

    def fail_over(self, seconds: float) -> None:
        """Have a standby take over that was `seconds` behind."""
        since = trio.current_time() - seconds
        former = next((state for time, state in self._former if time >= since), None)
        self._lose_packets()
        if former is not None:
            for name, state in former.items():
                kept = getattr(self, name)
                kept.clear()
                kept.update(state)
        self._former.clear()
        self.server = new_birth()

    def remember(self) -> None:
        """Keep the state before a change, in case a standby has heard of nothing later."""
        if self.has_standby:
            now = trio.current_time()
            while self._former and self._former[0][0] < now - 3:
                self._former.popleft()
            state = {name: _copied(kept) for name, kept in self._kept().items()}
            self._former.append((now, state))

    def _kept(self) -> WorldState:
        return {
            name: value
            for name, value in vars(self).items()
            if isinstance(value, dict) and name not in OF_PROCESSES
        }

    def _lose_packets(self) -> None:
        for inbox in self.inboxes.values():
            inbox.clear()


def _copied(kept: dict[Any, Any]) -> dict[Any, Any]:
    return {key: _twin(value) for key, value in kept.items()}


def _twin(value: Any) -> Any:
    """Copy a value of the state: a frozen value needs no copy, a stored log has a list of
    entries."""
    if not hasattr(value, "__dict__"):
        return value
    twin = copy(value)
    for name, part in vars(twin).items():
        if isinstance(part, list):
            setattr(twin, name, list(part))
    return twin


class FaultyJournal(DirectoryJournal):
    """A journal that may carry out a call and report a failure."""

    faulty: "Faulty"

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        self.faulty.on_write()
        if not self.faulty.keeps:
            raise StorageError("nothing is kept")
        return await self.faulty.reported(super().append(batch))

    async def take_over(self) -> Sequence[OrphanedJob]:
        if not self.faulty.inherits:
            return ()
        return await self.faulty.reported(super().take_over())

    async def mark_done(self, job_ids: Sequence[str]) -> None:
        await self.faulty.reported(super().mark_done(job_ids))

    async def forget(self, job_ids: Sequence[str]) -> None:
        await self.faulty.reported(super().forget(job_ids))


class Faulty(MemoryReplication):
    """A replica's access to the shared memory: out of reach, slow, losing packets, or reporting
    falsely."""

    def __init__(self, world: FaultyWorld, me: str) -> None:
        super().__init__(world, lease=LEASE, me=me)
        parts = (self._births, self._checkpoint, self._is_whole_now)
        self.journal = FaultyJournal(world, me, *parts)
        self.journal.faulty = self
        self.notices = MemoryNotices(world, me, self._reach_notices)
        self.on_write: Callable[[], None] = lambda: None  # before each write of entries
        self.away = False
        self.keeps = True  # whether entries are kept
        self.forgets_nothing = 0  # how many of the next calls of `void` fail
        self.inherits = True  # whether orphaned jobs are taken over
        self.pause = 0.0  # seconds until a call is done, and again until the answer comes
        self.loses = 0  # how many of the next packets are lost
        self.doubles = 0  # how many of the next packets arrive twice
        self.lags = 0.0  # seconds until a packet arrives
        self.fails = 0  # how many of the next calls fail
        self.hears_nothing = 0  # how many of the next calls of `reannounce` fail
        self.hangs = 0  # how many of the next calls are not answered in time, nor done
        self.hung_until = -math.inf  # when the last hanging call is given up
        self.lies = 0  # how many of the next calls are done, and reported as failed
        self._faulty_world = world

    def heal(self) -> None:
        """Have no faults from now on; `away` stays as it is."""
        self.pause = self.lags = 0.0
        self.loses = self.doubles = self.fails = self.hears_nothing = self.hangs = self.lies = 0

    @property
    def has_left(self) -> bool:
        """Whether the replica has said goodbye, after which others have its jobs."""
        return self._faulty_world.signs.get(self.me) == LEFT

    @property
    def is_faulty(self) -> bool:
        """Whether a call may be slow, or fail."""
        return bool(self.pause or self.fails or self.hears_nothing or self.hangs or self.lies)

    async def reported(self, work: Awaitable[T]) -> T:
        done = await work
        await trio.sleep(self.pause)
        if self.lies > 0:
            self.lies -= 1
            raise StorageError("the shared storage did not answer")
        return done

    async def enter(
        self, info: JobInfo, on_busy: OnBusy, *, max_per_user: int, queue: QueueLimits = UNLIMITED
    ) -> Entered | Joined | NotEntered:
        entering = super().enter(info, on_busy, max_per_user=max_per_user, queue=queue)
        return await self.reported(entering)

    async def begin(self, info: JobInfo, *, ended: Collection[str]) -> Sequence[JobInfo]:
        return await self.reported(super().begin(info, ended=ended))

    async def move_to_front(self, info: JobInfo) -> int | None:
        return await self.reported(super().move_to_front(info))

    async def void(self, info: JobInfo, *, may_repeat: bool) -> None:
        if self.forgets_nothing > 0:
            self.forgets_nothing -= 1
            raise StorageError("nothing is forgotten")
        await super().void(info, may_repeat=may_repeat)

    async def reannounce(self, jobs: Sequence[DirectoryEntry]) -> None:
        if self.hears_nothing > 0:
            self.hears_nothing -= 1
            raise StorageError("nothing is heard")
        await self.reported(super().reannounce(jobs))

    async def beat(self) -> bool:
        before = copy(self._births)
        try:
            return await self.reported(super().beat())
        except StorageError:
            self._births = before  # a replica without the answer has seen no births
            raise

    async def send(self, packets: Sequence[tuple[str, bytes]]) -> None:
        arriving = [each for each in packets for _ in range(self._copies())]
        await self.reported(super().send(arriving))

    async def receive(self) -> Sequence[bytes]:
        packets = await super().receive()
        while self.away:  # noqa: ASYNC110
            await trio.sleep(0.1)
        await trio.sleep(self.pause + self.lags)
        return packets

    def _copies(self) -> int:
        """How often the next packet arrives."""
        if self.loses > 0:
            self.loses -= 1
            return 0
        if self.doubles > 0:
            self.doubles -= 1
            return 2
        return 1

    async def _checkpoint(self) -> None:
        await trio.sleep(self.pause)
        if self.away:
            raise StorageError("the shared storage is away")
        if self.hangs > 0:
            self.hangs -= 1
            self.hung_until = trio.current_time() + TIMEOUT
            await trio.sleep(TIMEOUT)
            raise StorageError("the shared storage did not answer in time")
        if self.fails > 0:
            self.fails -= 1
            raise StorageError("the shared storage failed")
        self._faulty_world.remember()

    async def _reach_notices(self) -> None:
        """Without the faults that are counted: these are meant for what decides about jobs."""
        await trio.lowlevel.checkpoint()
        if self.away:
            raise StorageError("the shared storage is away")


TIMEOUT: Final = 5.0
"""Seconds after which a call to the shared storage is given up, as a client of Redis does."""
