"""The parked runs of a process: a timer for all runs, and a task that wakes runs.

Rules:

1. A parked run is a row of the journal and an entry here.  Whoever asks for the run has a job made
   of the two, and the job answers.
2. One task wakes the runs.  The task takes the runs that are asked for by then, at most
   _TOGETHER, and reads their logs together; everybody who asks for a run waits for this task.
3. The task changes nothing before all is read.  Storage that is away therefore leaves the runs
   parked, and whoever asked is told why: at once where a read failed, and where no read at all
   came to its end for `timeout` seconds.  A long line of runs is no reason.
4. The timer wakes a run when its first ask expires; the run itself answers that the ask has
   expired.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

import structlog
import trio

from legato.actors.durability.parked import Parked
from legato.actors.durability.recovered import Recovered
from legato.actors.ref import LocalRef
from legato.actors.registry import Registry
from legato.actors.supervision.contexts import detached
from legato.actors.supervision.crashes import guarded
from legato.storage.contracts.errors import StorageError

_TOGETHER: Final = 32
"""Runs that are read together: by then the way to the storage and back costs each next to nothing,
and one run that waits for the others waits some milliseconds."""

_EXPIRING: Final = 64
"""Runs whose asks expire that are woken together."""

_RETRY: Final = 5.0
"""Seconds until a run whose ask expired is tried again, where the storage was away."""

_FEW: Final = 64
"""Entries of the timer among which those of woken runs are not looked for."""

log = structlog.get_logger()


class Waker(Protocol):
    """Makes jobs of entries."""

    async def reread(self, entries: Sequence[Parked]) -> Sequence[Recovered | None]:
        """See `durability.waking`."""
        ...

    def unpark(self, entry: Parked, recovered: Recovered | None) -> None:
        """Put the job in the entry's place, or nothing where None was found.

        Raises:
            StorageError: where the process is about to end, and the entry stays.
        """
        ...


class _Waking:
    """The waking of one run, for which all askers wait.  `context` is the first asker's."""

    def __init__(self, entry: Parked) -> None:
        self.entry = entry
        self.context = detached()
        self.done = trio.Event()
        self.fault: str | None = None


class Parking:
    """The rules are at the top of this file."""

    def __init__(
        self,
        registry: Registry,
        waker: Waker,
        wall_clock: Callable[[], float],
        timeout: float,
    ) -> None:
        """`timeout`: seconds without any answer of the storage after which an asker is told."""
        self._registry = registry
        self._waker = waker
        self._wall_clock = wall_clock
        self._timeout = timeout
        self._waking: dict[str, _Waking] = {}  # by the ids of the jobs
        self._due = deque[_Waking]()  # those that are not being read yet
        self._wanted = trio.Event()
        self._reads = 0  # that the storage has answered
        self._timer: list[tuple[int, str]] = []  # a heap: when, in ms since 1970, and the job's id
        self._added = trio.Event()

    def add(self, entry: Parked) -> None:
        """Put a run into the registry, in the place of its job, and have the timer wake it."""
        self._registry.add(entry)
        self._set(entry.expires_at, entry.turn.job_id)

    async def find(self, job_id: str) -> LocalRef | None:
        """Return the job, woken if it was parked; None where there is none.

        Raises:
            StorageError: where a parked run cannot be read now.
        """
        while entry := self._registry.parked.get(job_id):
            await self._wake(entry)
        job = self._registry.find(job_id)
        return job.ref if job else None

    async def wake_all(self) -> None:
        """Make jobs of all parked runs; raises StorageError as `find` does."""
        entries = [*self._registry.parked.values()]
        for entry in entries:
            self._wanted_waking(entry)
        for entry in entries:
            await self.find(entry.turn.job_id)

    async def _wake(self, entry: Parked) -> None:
        waking = self._wanted_waking(entry)
        seen = -1
        while not waking.done.is_set():
            if self._reads == seen:
                raise StorageError("The storage does not answer: the run cannot be read yet.")
            seen = self._reads
            with trio.move_on_after(self._timeout):
                await waking.done.wait()
        if waking.fault is not None:
            raise StorageError(waking.fault)

    def _wanted_waking(self, entry: Parked) -> _Waking:
        if (waking := self._waking.get(entry.turn.job_id)) is None:
            waking = self._waking[entry.turn.job_id] = _Waking(entry)
            self._due.append(waking)
            self._wanted.set()
        return waking

    # The task that wakes.

    async def run(self) -> None:
        """Wake the runs that are asked for, for ever."""
        while True:
            while taken := [self._due.popleft() for _ in range(min(_TOGETHER, len(self._due)))]:
                await self._wake_together(taken)
            self._wanted = trio.Event()
            await self._wanted.wait()

    async def _wake_together(self, taken: Sequence[_Waking]) -> None:
        try:
            is_sound = await guarded(partial(self._unpark, taken), "waking")
            if not is_sound and len(taken) > 1:
                for each in taken:  # a bug in one waking costs no other run its job
                    await guarded(partial(self._unpark, [each]), each.entry.turn.job_id)
        finally:
            for each in taken:
                self._tell(each, "The waiting run cannot be read; the log has the details.")

    async def _unpark(self, taken: Sequence[_Waking]) -> None:
        """Read the runs, and put their jobs in the entries' places, but for those that were
        removed meanwhile."""
        for each in taken:
            if not self._is_parked(each):
                self._tell(each, None)
        if wakings := [each for each in taken if self._is_parked(each)]:
            await self._read_and_put(wakings)

    async def _read_and_put(self, wakings: Sequence[_Waking]) -> None:
        try:
            found = await self._waker.reread([each.entry for each in wakings])
        except StorageError as error:
            log.warning("waiting runs not woken", runs=len(wakings), reason=str(error))
            for each in wakings:
                self._tell(each, str(error))
            return
        self._reads += 1
        for waking, recovered in zip(wakings, found, strict=True):
            self._put(waking, recovered)
            await trio.lowlevel.checkpoint()  # each is a step of its own for everybody else

    def _put(self, waking: _Waking, recovered: Recovered | None) -> None:
        fault = None
        try:
            if self._is_parked(waking):
                waking.context.run(self._waker.unpark, waking.entry, recovered)
        except StorageError as error:
            fault = str(error)
        self._tell(waking, fault)

    def _is_parked(self, waking: _Waking) -> bool:
        return self._registry.parked.get(waking.entry.turn.job_id) is waking.entry

    def _tell(self, waking: _Waking, fault: str | None) -> None:
        """Have the askers go on, unless they were told already."""
        if not waking.done.is_set():
            waking.fault = fault
            waking.done.set()
            del self._waking[waking.entry.turn.job_id]

    # The timer.

    async def run_timer(self) -> None:
        """Ask for the runs whose asks expire, for ever."""
        while True:
            self._added = trio.Event()
            if expired := self._expired():
                await self._wake_all(expired)
            else:
                await self._until_next()

    async def _until_next(self) -> None:
        """Return when the next ask expires, or an earlier one may have come."""
        with trio.CancelScope() as scope:
            if self._timer:
                left = self._timer[0][0] / 1000 - self._wall_clock()
                scope.deadline = trio.current_time() + max(0.0, left)
            await self._added.wait()

    def _expired(self) -> Sequence[str]:
        """Take the ids of runs whose asks have expired off the timer: some of many."""
        now, expired = self._now(), list[str]()
        while self._timer and self._timer[0][0] <= now and len(expired) < _EXPIRING:
            _, job_id = heappop(self._timer)
            if job_id in self._registry.parked:
                expired.append(job_id)
        return expired

    async def _wake_all(self, job_ids: Sequence[str]) -> None:
        async with trio.open_nursery() as nursery:
            for job_id in job_ids:
                nursery.start_soon(self._expire, job_id)

    async def _expire(self, job_id: str) -> None:
        try:
            await self.find(job_id)
        except StorageError:
            self._set(self._now() + int(1000 * _RETRY), job_id)

    def _now(self) -> int:
        return round(self._wall_clock() * 1000)  # 1001 ms are 1.001 s, and these are 1000.99 ms

    def _set(self, when: int, job_id: str) -> None:
        """Have the timer wake the run at `when`; a run that comes again and again is there once."""
        if len(self._timer) >= _FEW + 2 * len(self._registry.parked):
            self._timer = [(each.expires_at, name) for name, each in self._registry.parked.items()]
            heapify(self._timer)
        heappush(self._timer, (when, job_id))
        self._added.set()
