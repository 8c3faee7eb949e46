"""The orderly end of a process's jobs: no more starts, and each job ended, or left to another.

Three kinds of jobs are left to another process, which finds them in the journal: queued turns, runs
that only wait for answers, and the answers which another replica is to continue.  Parked runs are
left as they are.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import trio

from legato.actors.admission import ShuttingDown
from legato.actors.ending import RESTART
from legato.actors.job import Job
from legato.actors.mailbox import ActorStopped
from legato.actors.registry import Registry


class Drain:
    """Ends the jobs in `registry`; once begun, nothing else begins."""

    def __init__(
        self,
        nursery: trio.Nursery,
        registry: Registry,
        written: Callable[[], Awaitable[None]],
        *,
        has_journal: bool,
    ) -> None:
        """`written`: see Supervisor.  `has_journal`: whether another process can find a job."""
        self._nursery = nursery
        self._registry = registry
        self._written = written
        self._has_journal = has_journal
        self._has_begun = False
        self._handed_on: dict[str, Job] = {}

    @property
    def has_begun(self) -> bool:
        """Whether what runs here is about to end, or to be another's."""
        return self._has_begun

    @property
    def handed_on(self) -> Mapping[str, Job]:
        """The jobs that the next process is to have, by id."""
        return self._handed_on

    def check(self) -> None:
        """Raises ShuttingDown once starts are refused."""
        if self._has_begun:
            raise ShuttingDown("The server is shutting down.")

    def refuse_starts(self) -> int:
        """Take no more starts; return the number of running jobs."""
        self._has_begun = True
        return self._registry.running_count()

    async def ended(self) -> None:
        """Return when all jobs running now have ended, but for those that only wait."""
        for job in list(self._registry.all_running()):
            if not job.parking.only_waits:
                await job.ended.wait()

    async def run(self, goes_on: Callable[[Job], bool] = lambda job: False) -> None:
        """Take no more starts, end the running jobs, and return when all is done and written.

        The answers chosen by `goes_on` are left to another process, and go on here until the last
        moment.
        """
        self.refuse_starts()
        if self._has_journal:
            self._hand_on(lambda job: job.waiting_turn.is_kept or job.parking.only_waits)
        await self._end([job for job in self._registry.all_running() if not goes_on(job)])
        self._hand_on(goes_on)
        await self._end([*self._registry.all_running()])
        await self._written()

    def _hand_on(self, is_anothers: Callable[[Job], bool]) -> None:
        for job in filter(is_anothers, [*self._registry.all_running()]):
            self._handed_on[job.turn.job_id] = job
            job.ownership.hand_on()

    async def _end(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._nursery.start_soon(failed, job)
        for job in jobs:
            await job.ended.wait()


async def failed(job: Job) -> None:
    """End a job because this process ends; a job that has left meanwhile is over anyhow."""
    with suppress(ActorStopped):
        await job.ref.fail(RESTART)
