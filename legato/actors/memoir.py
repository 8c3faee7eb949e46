"""One job's place in the journal: what is written of it, and what is still to be."""

from collections.abc import Callable
from typing import Protocol

import trio

from legato.actors.log import Log
from legato.events import AnyEnding, AnyEvent
from legato.storage.contract import Entries, Refusal


class Writer(Protocol):
    """Who writes for all jobs."""

    @property
    def patience(self) -> float: ...

    def stir(self, job: "Written") -> None:
        """There is more to write of it."""
        ...

    def hurry(self, job: "Written") -> None:
        """Somebody waits for that."""
        ...

    def settle(self, job_id: str) -> None: ...

    def forget(self, job_id: str) -> None: ...

    async def noted(self) -> None:
        """Return when all is written that somebody waits for."""
        ...


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
        writer: Writer,
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
        self._is_lost = False  # so that its place is to be made, whether anything is said or not

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
        if not events and not self._is_lost:
            return None  # they were written, but not what was to be written with them
        return Entries(self.job_id, self._epoch, self._position + 1, tuple(events))

    def wrote(self, entries: Entries) -> None:
        self._is_lost = False
        self._position += len(entries.events)
        if entries.events and entries.events[-1] is self._ending:
            self._finished.set()

    def refused(self, refusal: Refusal) -> None:
        if refusal.reason == "fenced":
            self._finished.set()
            self._on_fenced()
        else:
            self.start_over()

    def start_over(self) -> None:
        self._position = 0
        self._is_lost = True
        self._ending = self._ending or self._source.ending
        if self._finished.is_set():
            self._finished = trio.Event()
        self._writer.hurry(self)
        if self._settled:
            self._writer.settle(self.job_id)

    def give_up(self) -> None:
        """Nothing more of it can be kept."""
        self._finished.set()
