"""The journal's one writer: what all jobs said since its last write is its next one."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

import structlog
import trio

from legato.actors.log import Log
from legato.events import AnyEnding, AnyEvent, Created
from legato.storage.contract import Entries, Journal, Refusal, StorageError, UnstorableText

GATHER: Final = 0.04
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

    @property
    def patience(self) -> float:
        """Seconds that the ending waits for its place in the journal, at most, beyond the time
        that is given to storing it."""
        ...

    async def finished(self) -> None:
        """Return when `finish` would at once."""
        ...

    def settle(self) -> None:
        """What the ending says is stored."""
        ...

    async def settled(self) -> None:
        """Return once that is noted, where others look before they start what comes next."""
        ...

    def start_over(self) -> None:
        """The journal lost what it had of the job: tell it all again."""
        ...

    def forget(self) -> None:
        """Nobody may follow the job any more."""
        ...


class Unwritten:
    """Where there is no journal, or nothing of the job in it yet."""

    patience = 0.0

    def stir(self) -> None: ...

    async def finish(self, ending: AnyEnding) -> None:
        await trio.lowlevel.checkpoint()

    async def finished(self) -> None:
        await trio.lowlevel.checkpoint()

    def settle(self) -> None: ...

    async def settled(self) -> None:
        await trio.lowlevel.checkpoint()

    def start_over(self) -> None: ...

    def forget(self) -> None: ...


class Written:
    """What the journal has of a job's log, and what is still to be written.

    The events stay where they are until their write, so that a storage that is away for an hour
    costs no memory but the log's own.
    """

    def __init__(
        self,
        job_id: str,
        epoch: int,
        source: Log,
        position: int,
        writer: "JournalWriter",
        on_fenced: Callable[[], None],
    ) -> None:
        """`position`: up to where it is written already.  `on_fenced`: another owns the job now."""
        self.job_id = job_id
        self._epoch = epoch
        self._source = source
        self._position = position
        self._writer = writer
        self._on_fenced = on_fenced
        self._ending: AnyEnding | None = None
        self._finished = trio.Event()
        self._settled = False

    @property
    def patience(self) -> float:
        return self._writer.patience

    def stir(self) -> None:
        if not self._finished.is_set():
            self._writer.stir(self)

    async def finish(self, ending: AnyEnding) -> None:
        self._ending = ending
        if not self._finished.is_set():
            self._writer.hurry(self)
        await self._finished.wait()

    async def finished(self) -> None:
        await self._finished.wait()

    def settle(self) -> None:
        if not self._settled:
            self._settled = True
            self._writer.settle(self.job_id)

    async def settled(self) -> None:
        if self._writer.patience:
            self.settle()
            await self._writer.noted()

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

    def refused(self, refusal: Refusal) -> None:
        if refusal.reason == "fenced":
            self._finished.set()
            self._on_fenced()
        else:
            self.start_over()

    def start_over(self) -> None:
        self._position = 0
        self._ending = self._ending or self._source.ending
        if self._finished.is_set():
            self._finished = trio.Event()
        self._writer.hurry(self)
        if self._settled:
            self._writer.settle(self.job_id)

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
    """Jobs never wait for it, but for their first event and their last.

    What somebody waits for is written at once, what a model says every GATHER seconds.
    """

    def __init__(self, journal: Journal, *, patience: float = 0.0) -> None:
        """`patience`: see Memoir.  Where others may take jobs over, an ending that they could not
        know of must not be said: they would come to another."""
        self.patience = patience
        self.trouble: StorageError | None = None  # why there is more to write than was written
        self._journal = journal
        self._stirred = trio.Event()
        self._hurried = trio.Event()
        self._urgent = Work()
        self._other = Work()
        self._due = -math.inf

    async def begin(self, job_id: str, epoch: int, created: Created) -> bool:
        """Keep a job's first event, from which on it is a job that must have an ending.

        False where the job is another's by now.

        Raises:
            StorageError: if that could not be done.
        """
        return not await self._journal.append([Entries(job_id, epoch, 1, (created,))])

    def stir(self, job: Written) -> None:
        self._other.jobs[job] = None
        self._stirred.set()

    def hurry(self, job: Written) -> None:
        self._urgent.jobs[job] = None
        self._hurry()

    def settle(self, job_id: str) -> None:
        self._urgent.settled.append(job_id)
        self._hurry()

    def forget(self, job_id: str) -> None:
        self._other.forgotten.append(job_id)
        self._stirred.set()

    async def written(self) -> None:
        """Return when all that there is now is written."""
        self._due = -math.inf
        await self.noted()

    async def noted(self) -> None:
        """Return when all is written that somebody waits for."""
        event = trio.Event()
        self._urgent.waiting.append(event)
        self._hurry()
        await event.wait()

    def _hurry(self) -> None:
        self._stirred.set()
        self._hurried.set()

    async def run(self) -> None:
        """The one task that writes."""
        pause = FIRST_PAUSE
        while True:
            work = await self._next()
            try:
                await self._write(work)
            except StorageError as error:
                log.warning("journal not written yet", jobs=len(work.jobs), reason=str(error))
                self.trouble = StorageError(f"Generations not kept yet: {len(work.jobs)}.  {error}")
                self._urgent.add(work)
                self._hurry()
                await trio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE
                self.trouble = None

    async def _next(self) -> Work:
        """What is urgent, as soon as anything is; all else with it where it is due."""
        await self._stirred.wait()
        with trio.move_on_at(self._due):
            await self._hurried.wait()
        work, self._urgent, self._hurried = self._urgent, Work(), trio.Event()
        if trio.current_time() >= self._due:
            work.add(self._other)
            self._other, self._stirred = Work(), trio.Event()
            self._due = trio.current_time() + GATHER
        return work

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
        if not batch:
            return
        refusals = {each.job_id: each for each in await self._journal.append([*batch.values()])}
        for job, entries in batch.items():
            if refusal := refusals.get(job.job_id):
                log.warning("journal refused a job", job=job.job_id, reason=refusal.reason)
                job.refused(refusal)
            else:
                job.wrote(entries)

    async def _keep_each(self, batch: Mapping[Written, Entries]) -> None:
        """What one job said cannot be kept: the others' must be."""
        for job, entries in batch.items():
            try:
                await self._keep({job: entries})
            except UnstorableText as error:
                log.error("job cannot be kept any more", job=job.job_id, reason=str(error))
                job.give_up()
