"""The journal's one writer: each write has the events that all jobs said since the last."""

import math
from collections.abc import Mapping
from typing import Final

import structlog
import trio

from legato.actors.durability.job_journal import Budget, JobJournal
from legato.histogram import Histogram
from legato.storage.contracts.errors import StorageError, UnstorableText
from legato.storage.contracts.journal import Entries, Journal

_GATHER: Final = 0.04
"""Seconds from one write to the next: a write costs the same for one token and for hundreds.  With
the write itself it is what a killed process can lose."""

_FIRST_PAUSE: Final = 0.25  # seconds between attempts at a write; each is twice the last …
_LONGEST_PAUSE: Final = 5.0  # … up to this

_WRITES: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0)
"""Seconds: a database nearby takes a few milliseconds, one that is away as long as it is."""

log = structlog.get_logger()


class _WriteBatch:
    """Jobs with something to write, and marks and removals of other jobs."""

    def __init__(self) -> None:
        self.jobs: dict[JobJournal, None] = {}  # jobs with unwritten events
        self.done: dict[JobJournal, None] = {}
        self.forgotten: list[str] = []  # ids of jobs
        self.waiting: list[trio.Event] = []  # set when all of this is written

    def add(self, more: "_WriteBatch") -> None:
        self.jobs |= more.jobs
        self.done |= more.done
        self.forgotten += more.forgotten
        self.waiting += more.waiting


class NoJournal:
    """Stands for the writer where nothing outlives the process: everything counts as written."""

    patience: Final = 0.0

    def mark_dirty(self, job: JobJournal) -> None: ...

    def flush(self, job: JobJournal) -> None:
        job.give_up()

    def mark_done(self, job: JobJournal) -> None: ...

    def forget(self, job: JobJournal) -> None: ...


class JournalWriter:
    """Jobs never wait for the writer, except for their first event and their last.

    Awaited events are written at once, a model's words every GATHER seconds.  One write holds a
    bounded number of bytes; the rest follows in the next.
    """

    def __init__(self, journal: Journal, *, patience: float = 0.0) -> None:
        """`patience`: see Writer.  Where other replicas may take jobs over, no ending unknown to
        them may be said: a replica without the ending would come to a different ending."""
        self.patience = patience
        self.trouble: StorageError | None = None  # the reason why the last write failed
        self._journal = journal
        self._stirred = trio.Event()
        self._hurried = trio.Event()
        self._urgent = _WriteBatch()
        self._other = _WriteBatch()
        self._due = -math.inf
        self._since = math.inf
        self.writes = Histogram(_WRITES)

    @property
    def delay(self) -> float:
        """Seconds since the write under way began; 0 without a write."""
        return max(0.0, trio.current_time() - self._since)

    def mark_dirty(self, job: JobJournal) -> None:
        self._other.jobs[job] = None
        self._stirred.set()

    def flush(self, job: JobJournal) -> None:
        self._urgent.jobs[job] = None
        self._flush()

    def mark_done(self, job: JobJournal) -> None:
        self._urgent.done[job] = None
        self._flush()

    def forget(self, job: JobJournal) -> None:
        self._other.forgotten.append(job.job_id)
        self._stirred.set()

    async def written(self) -> None:
        """Return when all unwritten events of this moment are written."""
        self._due = -math.inf
        await self.settled()

    async def settled(self) -> None:
        """Return when all that is urgent at this moment is written: first events and endings."""
        event = trio.Event()
        self._urgent.waiting.append(event)
        self._flush()
        await event.wait()

    def _flush(self) -> None:
        self._stirred.set()
        self._hurried.set()

    async def run(self) -> None:
        """Write, for ever.  After a crash the next run has all unwritten work."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._write_next()
            except StorageError:
                await trio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = _FIRST_PAUSE

    async def _write_next(self) -> None:
        """Raises StorageError where the write failed; the work is put off."""
        work = await self._next()
        self._since = min(self._since, trio.current_time())
        try:
            await self._write(work)
        except Exception as error:
            self._put_off(work, error)
            raise
        self.trouble = None
        self.writes.add(self.delay)
        self._since = math.inf

    def _put_off(self, work: _WriteBatch, error: Exception) -> None:
        reason = str(error) if isinstance(error, StorageError) else f"a {type(error).__name__}."
        log.warning("journal not written yet", jobs=len(work.jobs), reason=reason)
        self.trouble = StorageError(f"Generations not kept yet: {len(work.jobs)}.  {reason}")
        self._urgent.add(work)
        self._flush()

    async def _next(self) -> _WriteBatch:
        """Wait for urgent work and return it, together with all other work if a write is due."""
        await self._stirred.wait()
        with trio.move_on_at(self._due):
            await self._hurried.wait()
        work, self._urgent, self._hurried = self._urgent, _WriteBatch(), trio.Event()
        if trio.current_time() >= self._due:
            work.add(self._other)
            self._other, self._stirred = _WriteBatch(), trio.Event()
            self._due = trio.current_time() + _GATHER
        return work

    async def _write(self, work: _WriteBatch) -> None:
        await self._append(work)
        if work.done:
            await self._journal.mark_done([job.job_id for job in work.done])
        for job in work.done:
            job.noted()
        if work.forgotten:
            await self._journal.forget(work.forgotten)
        self._leave(work)

    def _leave(self, work: _WriteBatch) -> None:
        """Put the rest of this write first into the next one."""
        left = _WriteBatch()
        left.jobs = {job: None for job in work.jobs if job.is_behind}
        if not left.jobs:
            for event in work.waiting:
                event.set()
            return
        left.waiting = work.waiting
        left.add(self._other)
        self._other = left
        self._stirred.set()

    async def _append(self, work: _WriteBatch) -> None:
        budget = Budget()
        batch = {job: said for job in work.jobs if (said := job.unwritten(budget))}
        try:
            await self._keep(batch)
        except UnstorableText:
            await self._keep_each(batch)

    async def _keep(self, batch: Mapping[JobJournal, Entries]) -> None:
        if not batch:
            return
        refusals = {each.job_id: each for each in await self._journal.append([*batch.values()])}
        for job, entries in batch.items():
            if refusal := refusals.get(job.job_id):
                log.warning("journal refused a job", job=job.job_id, reason=refusal.reason)
                job.refused(refusal)
            else:
                job.wrote(entries)

    async def _keep_each(self, batch: Mapping[JobJournal, Entries]) -> None:
        """Write each job alone, because one job has events that cannot be stored."""
        for job, entries in batch.items():
            try:
                await self._keep({job: entries})
            except UnstorableText as error:
                log.error("job cannot be kept any more", job=job.job_id, reason=str(error))
                job.give_up()
