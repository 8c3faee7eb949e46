"""Failover: takes the jobs of dead replicas over at once, and brings each here when wanted.

Jobs without an ending are always wanted.  Ended jobs are there to be read, but few are read,
and there may be thousands: ended jobs stay in the journal until somebody asks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog
import trio
from msgspec.structs import replace

from legato.actors.cluster.job_info import turn_of
from legato.actors.conversation.turn import Turn
from legato.actors.durability.parked import Parked
from legato.actors.durability.recovered import Recovered
from legato.actors.durability.recovery import Recovery
from legato.actors.durability.takeover import TakeoverPolicy
from legato.actors.supervision.crashes import guarded
from legato.actors.supervisor import Supervisor
from legato.config import OnOwnerLost
from legato.models.contract import Model
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Journal, OrphanedJob
from legato.storage.contracts.records import Records
from legato.storage.contracts.replication import Directory

_AT_ONCE: Final = 8  # simultaneous recoveries
_RETRY: Final = 1.0  # seconds until the next try
_AFTER_CRASH: Final = 60.0  # seconds after a bug: each try fills a page of the log

log = structlog.get_logger()


class ClusterTakeover(TakeoverPolicy):
    """Finds the turns of jobs in the directory."""

    def __init__(
        self, directory: Directory, models: Mapping[str, Model], policy: OnOwnerLost
    ) -> None:
        super().__init__(models, policy)
        self._directory = directory

    async def turn(self, job_id: str) -> Turn | None:
        entry = await self._directory.find(job_id)
        return turn_of(entry.info) if entry else None


@dataclass
class _PendingTakeover:
    """A job that this replica owns, and has not recovered yet."""

    job: OrphanedJob
    until: float  # when its retention is over
    is_coming: bool = False
    trouble: StorageError | None = None  # the reason of the last failed try
    came: OrphanedJob | None = None  # the last recovered state
    arrived: trio.Event = field(default_factory=trio.Event)


class Failover:
    """One task takes over; each job is recovered here by a task of its own."""

    def __init__(
        self,
        nursery: trio.Nursery,
        supervisor: Supervisor,
        journal: Journal,
        records: Records,
        policy: TakeoverPolicy,
        retention: float,
        doubt: Callable[[], None] = lambda: None,
    ) -> None:
        """`doubt` is called, and may not wait, where a dead replica's last notices may be lost."""
        self.handed_on: set[str] = set()
        """The ids of jobs which came when this replica was about to go: the next owner's."""
        self._nursery = nursery
        self._supervisor = supervisor
        self._journal = journal
        self._recovery = Recovery(journal, records, policy)
        self._retention = retention
        self._doubt = doubt
        self._pending: dict[str, _PendingTakeover] = {}
        self._taken = trio.Event()
        self._taken.set()
        self._at_once = trio.CapacityLimiter(_AT_ONCE)

    async def arrived(self, job_id: str) -> None:
        """Return when the job is here, if the job is to come."""
        await self._taken.wait()
        if pending := self._pending.get(job_id):
            self._bring(pending)
            await pending.arrived.wait()

    async def take_over(self) -> None:
        """Take over the jobs of dead replicas; a draining replica takes none, and would end them.

        Raises:
            StorageError: where the outcome is unknown; then the take-over is to be repeated.
        """
        if self._supervisor.drain.has_begun:
            return
        if self._taken.is_set():
            self._taken = trio.Event()  # the jobs being taken are this replica's, and not known yet
        orphaned = await self._journal.take_over()
        if orphaned:
            self._doubt()
        for job in orphaned:
            if not self._is_here(job):
                self._take(job)
        self._taken.set()
        await self._forget()

    def _is_here(self, job: OrphanedJob) -> bool:
        found = self._supervisor.registry.entry(job.job_id)
        return found is not None and found.epoch == job.epoch

    def _take(self, job: OrphanedJob) -> None:
        """Take a job.  A job marked as done has its attempts counted anew: perhaps each owner
        handed the job on without reading.

        What this replica has of the job from an earlier epoch lacks what the owners since then
        said: nobody is to ask there while the job is on its way."""
        former = self._supervisor.registry.entry(job.job_id)
        if former is not None and former.epoch < job.epoch:
            self._supervisor.lose(former)
        if job.marked_done:
            job = replace(job, attempts=0)
        pending = self._pending.setdefault(
            job.job_id, _PendingTakeover(job, trio.current_time() + self._retention)
        )
        if job.epoch > pending.job.epoch:
            pending.job = job  # another replica had the job during the recovery here
        if not job.marked_done:
            self._bring(pending)

    def _bring(self, pending: _PendingTakeover) -> None:
        if not pending.is_coming:
            pending.is_coming = True
            self._nursery.start_soon(self._recover, pending)

    async def _recover(self, pending: _PendingTakeover) -> None:
        """Recover the job under the newest epoch, in as many tries as needed: no other task tries.

        A job that cannot be recovered, or which a bug keeps away, holds up no other job.
        """
        name = pending.job.job_id
        while pending.came is not pending.job:
            async with self._at_once:
                is_sound = await guarded(partial(self._try, pending), name)
            if pending.came is not pending.job:
                await trio.sleep(_RETRY if is_sound else _AFTER_CRASH)
        self._done(pending)

    async def _try(self, pending: _PendingTakeover) -> None:
        job = pending.job
        try:
            recovered = await self._recovery.one(job)
            if recovered is not None:
                self._adopt(recovered)
                if recovered.has_ended and not job.marked_done:
                    self._doubt()
            pending.came = job
        except StorageError as error:
            if pending.trouble is None:  # a line for each job is enough for an outage
                log.warning("not recovered yet", job=job.job_id, reason=str(error))
            pending.trouble = error

    def _adopt(self, recovered: Recovered | Parked) -> None:
        if self._supervisor.drain.has_begun and not recovered.has_ended:
            self.handed_on.add(recovered.turn.job_id)
        else:
            self._supervisor.adopt([recovered])

    async def _forget(self) -> None:
        """Forget the ended jobs that nobody asked for in time."""
        now = trio.current_time()
        late = [each for each in self._pending.values() if each.until <= now and not each.is_coming]
        if late:
            await self._journal.forget([each.job.job_id for each in late])
        for pending in late:
            self._done(pending)

    def _done(self, pending: _PendingTakeover) -> None:
        self._pending.pop(pending.job.job_id, None)
        pending.arrived.set()
