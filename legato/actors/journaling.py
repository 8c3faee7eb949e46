"""The journal's one writer: what all jobs said since its last write is its next one."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import structlog
import trio

from legato.actors.log import Log
from legato.events import AnyEnding, AnyEvent, Created
from legato.storage.contract import Entries, Journal, StorageError, UnstorableText

GATHER: Final = 0.02
"""Seconds from one write to the next: a write costs the same for one token and for hundreds.  With
the write itself it is what a killed process can lose."""

FIRST_PAUSE: Final = 0.25  # seconds between attempts at a write; each is twice the last …
LONGEST_PAUSE: Final = 5.0  # … up to this

log = structlog.get_logger()


class Memoir(Protocol):
    """One job's place in the journal."""

    def stir(self) -> None:
        """There is more in the job's log."""
        ...

    async def finish(self, ending: AnyEnding) -> None:
        """Return once all of the log and this ending after it are kept, or nothing can be."""
        ...

    def settle(self) -> None:
        """What the ending says is stored."""
        ...

    def forget(self) -> None:
        """Nobody may follow the job any more."""
        ...


class Unwritten:
    """Where there is no journal, or nothing of the job in it yet."""

    def stir(self) -> None: ...

    async def finish(self, ending: AnyEnding) -> None:
        await trio.lowlevel.checkpoint()

    def settle(self) -> None: ...

    def forget(self) -> None: ...


class Written:
    """What the journal has of a job's log, and what is still to be written.

    The events stay where they are until their write, so that a storage that is away for an hour
    costs no memory but the log's own.
    """

    def __init__(
        self, job_id: str, epoch: int, source: Log, position: int, writer: "JournalWriter"
    ) -> None:
        """`position`: up to where it is written already."""
        self.job_id = job_id
        self._epoch = epoch
        self._source = source
        self._position = position
        self._writer = writer
        self._ending: AnyEnding | None = None
        self._finished = trio.Event()

    def stir(self) -> None:
        if not self._finished.is_set():
            self._writer.stir(self)

    async def finish(self, ending: AnyEnding) -> None:
        self._ending = ending
        self.stir()
        await self._finished.wait()

    def settle(self) -> None:
        self._writer.settle(self.job_id)

    def forget(self) -> None:
        self._finished.set()
        self._writer.forget(self.job_id)

    def unwritten(self) -> Entries | None:
        if self._finished.is_set():
            return None
        events: list[AnyEvent] = [*self._source.events(self._position, self._source.content_tail)]
        if self._ending is not None:
            events.append(self._ending)
        if not events:  # they were written, but not what was to be written with them
            return None
        return Entries(self.job_id, self._epoch, self._position + 1, tuple(events))

    def wrote(self, entries: Entries) -> None:
        self._position += len(entries.events)
        if entries.events[-1] is self._ending:
            self._finished.set()

    def give_up(self) -> None:
        """Nothing more of it can be kept."""
        self._finished.set()


class Work:
    """What there is to write."""

    def __init__(self) -> None:
        self.jobs: dict[Written, None] = {}  # which have more than is written
        self.settled: list[str] = []  # ids of jobs
        self.forgotten: list[str] = []
        self.waiting: list[trio.Event] = []  # of those who wait until all this is written

    def add(self, more: "Work") -> None:
        self.jobs |= more.jobs
        self.settled += more.settled
        self.forgotten += more.forgotten
        self.waiting += more.waiting


class JournalWriter:
    """Jobs never wait for it, but for their first event and their last."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._stirred = trio.Event()
        self._work = Work()

    async def begin(self, job_id: str, epoch: int, created: Created) -> None:
        """Keep a job's first event, from which on it is a job that must have an ending.

        Raises:
            StorageError: if that could not be done.
        """
        await self._journal.append([Entries(job_id, epoch, 1, (created,))])

    def stir(self, job: Written) -> None:
        self._work.jobs[job] = None
        self._stirred.set()

    def settle(self, job_id: str) -> None:
        self._work.settled.append(job_id)
        self._stirred.set()

    def forget(self, job_id: str) -> None:
        self._work.forgotten.append(job_id)
        self._stirred.set()

    async def written(self) -> None:
        """Return when all that there is now is written."""
        event = trio.Event()
        self._work.waiting.append(event)
        self._stirred.set()
        await event.wait()

    async def run(self) -> None:
        """The one task that writes."""
        pause = FIRST_PAUSE
        while True:
            await self._stirred.wait()
            self._stirred, work, self._work = trio.Event(), self._work, Work()
            try:
                await self._write(work)
            except StorageError as error:
                log.warning("journal not written yet", jobs=len(work.jobs), reason=str(error))
                self._work.add(work)
                self._stirred.set()
                await trio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE
                await trio.sleep(GATHER)

    async def _write(self, work: Work) -> None:
        await self._append(work.jobs)
        if work.settled:
            await self._journal.settle(work.settled)
        if work.forgotten:
            await self._journal.forget(work.forgotten)
        for event in work.waiting:
            event.set()

    async def _append(self, jobs: Iterable[Written]) -> None:
        batch = {job: entries for job in jobs if (entries := job.unwritten())}
        try:
            await self._keep(batch)
        except UnstorableText:
            await self._keep_each(batch)

    async def _keep(self, batch: Mapping[Written, Entries]) -> None:
        if batch:
            await self._journal.append(list(batch.values()))
        for job, entries in batch.items():
            job.wrote(entries)

    async def _keep_each(self, batch: Mapping[Written, Entries]) -> None:
        """What one job said cannot be kept: the others' must be."""
        for job, entries in batch.items():
            try:
                await self._keep({job: entries})
            except UnstorableText as error:
                log.error("job cannot be kept any more", job=job.job_id, reason=str(error))
                job.give_up()
