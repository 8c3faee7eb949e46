"""What replicas that are gone have left: taken over at once, and brought here when it is wanted.

Jobs without an ending are wanted by themselves.  The others are there to be read, which few are,
and there may be thousands of them: they stay in the journal until somebody asks.
"""

from dataclasses import dataclass, field
from typing import Final

import structlog
import trio
from msgspec.structs import replace

from legato.actors.recovery import Heir, recover_one
from legato.actors.supervisor import Supervisor
from legato.storage.contract import Abandoned, Journal, Records, StorageError

AT_ONCE: Final = 8  # jobs that are brought here side by side
RETRY: Final = 1.0  # seconds until that is tried again

log = structlog.get_logger()


@dataclass
class Left:
    """A job that is this replica's, and not here yet."""

    job: Abandoned
    until: float  # when nobody may read it any more
    is_coming: bool = False
    arrived: trio.Event = field(default_factory=trio.Event)


class Inheritance:
    """One task takes over; a job is brought here by a task of its own."""

    def __init__(
        self,
        nursery: trio.Nursery,
        supervisor: Supervisor,
        journal: Journal,
        records: Records,
        heir: Heir,
        retention: float,
    ) -> None:
        self._nursery = nursery
        self._supervisor = supervisor
        self._journal = journal
        self._records = records
        self._heir = heir
        self._retention = retention
        self._left: dict[str, Left] = {}
        self._taken = trio.Event()
        self._taken.set()
        self._at_once = trio.CapacityLimiter(AT_ONCE)

    async def arrived(self, job_id: str) -> None:
        """Return when that job is here, if it is to come."""
        await self._taken.wait()
        if left := self._left.get(job_id):
            self._bring(left)
            await left.arrived.wait()

    async def take_over(self) -> None:
        """Raises StorageError where that is not certain; then it is to be done again."""
        if self._taken.is_set():
            self._taken = trio.Event()  # what is being taken is this replica's, and not known yet
        for job in await self._journal.take_over():
            if not (job.job_id in self._left or self._heir.holds(job)):
                self._take(job)
        self._taken.set()
        await self._forget()

    def _take(self, job: Abandoned) -> None:
        """One that is settled was perhaps handed on many times and never read: its attempts say
        nothing against it."""
        if job.settled:
            job = replace(job, attempts=0)
        left = Left(job, trio.current_time() + self._retention)
        self._left[job.job_id] = left
        if not job.settled:
            self._bring(left)

    def _bring(self, left: Left) -> None:
        if not left.is_coming:
            left.is_coming = True
            self._nursery.start_soon(self._recover, left)

    async def _recover(self, left: Left) -> None:
        """It is nobody else's task: tried until it is done."""
        async with self._at_once:
            while not await self._recovered(left.job):  # noqa: ASYNC110  # nobody says when
                await trio.sleep(RETRY)
        self._done(left)

    async def _recovered(self, job: Abandoned) -> bool:
        try:
            recovered = await recover_one(job, self._journal, self._records, self._heir)
        except StorageError as error:
            log.warning("not recovered yet", job=job.job_id, reason=str(error))
            return False
        if recovered is not None:
            self._supervisor.adopt([recovered])
        return True

    async def _forget(self) -> None:
        """Those that nobody asked for in time."""
        now = trio.current_time()
        late = [each for each in self._left.values() if each.until <= now and not each.is_coming]
        if late:
            await self._journal.forget([left.job.job_id for left in late])
        for left in late:
            self._done(left)

    def _done(self, left: Left) -> None:
        self._left.pop(left.job.job_id, None)
        left.arrived.set()
