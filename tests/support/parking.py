"""Runs that wait for an answer, in processes whose storage is away when a test wants it to be."""

from collections.abc import Sequence

import trio
from trio.testing import wait_all_tasks_blocked

from legato.actors.ref import JobRef
from legato.events import Asked
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Kept
from tests.support.actors import FlakyJournal, House
from tests.support.steering import open_asks

PARK_AFTER = 30.0


class AwayJournal(FlakyJournal):
    """A journal that counts its readings, and cannot be read while `is_away` or held."""

    is_away = False
    takes = 0.0  # seconds of a reading
    reads = 0
    readings = 0  # each of one log, or of several together

    async def read_all(self, job_ids: Sequence[str]) -> Sequence[Kept]:
        self.readings += 1
        await trio.sleep(self.takes)
        return await super().read_all(job_ids)

    async def read(self, job_id: str) -> Kept:
        self.reads += 1
        await self.free.wait()
        if self.is_away:
            raise StorageError("the disk is gone")
        return await super().read(job_id)


async def asked(job: JobRef) -> list[Asked]:
    """The open asks, once the run only waits."""
    await wait_all_tasks_blocked()
    return await open_asks(job)


async def parked(house: House, *jobs: JobRef) -> None:
    """Return once these runs are parked."""
    await trio.sleep(2 * PARK_AFTER)
    assert house.supervisor.registry.parked.keys() >= ids(jobs)


def ids(jobs: Sequence[JobRef]) -> set[str]:
    return {job.job_id for job in jobs}
