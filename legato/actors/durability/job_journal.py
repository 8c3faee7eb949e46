"""One job's place in the journal, for the job's whole life.

Rules:

1. The log leads.  The place follows at its own pace, so a storage that is away for an hour holds
   nobody up, and costs no memory but the log's own.
2. The position is absolute: the number of events that the journal has, counted as in the log.
3. Two events are written before the log has them, because nobody may hear of them before: the first
   one (`ahead`) and the ending.
4. A reply moves the position only if the reply is to the write under way.  Example: [1, 2, 3, 4]
   are written, and the journal comes back empty.  `start_over` makes the position 0; the reply to
   a write that began before changes nothing, and the log is written again from 1.
5. A journal that refuses a former owner (`fenced`) ends the job here, before anybody who waits can
   go on and store what is another owner's by now.
6. A job is marked as done once, behind its ending, when nothing is left to be stored.
7. No method that changes the place waits.
"""

from collections.abc import Awaitable, Callable, Iterator
from itertools import chain
from typing import Final, Protocol

import trio

from legato.actors.stream.log import Log
from legato.events import AnyEnding, AnyEvent, TextDelta, text_bytes
from legato.storage.contracts.journal import Entries, Refusal

EVENT_BYTES: Final = 64
"""About what an event costs in a write, beside its text."""


class Budget:
    """Bytes that one write may hold: beyond 512 KiB encoding would hold the loop up for longer than
    five milliseconds."""

    def __init__(self, size: int = 512 * 1024) -> None:
        self.left = size

    def take(self, events: Iterator[AnyEvent]) -> Iterator[AnyEvent]:
        """As many of the events as are affordable; the first whatever its size."""
        while self.left > 0 and (event := next(events, None)) is not None:
            # Nearly all are text: a call for each would cost as much as all else here.
            text = len(event.text) if type(event) is TextDelta else text_bytes(event)
            self.left -= EVENT_BYTES + text
            yield event


class Writer(Protocol):
    """The one task that writes for all jobs."""

    @property
    def patience(self) -> float:
        """Seconds for which an ending waits for the journal, at most, beyond the time that is given
        to storing the answer; 0 where nobody else reads the journal."""
        ...

    def mark_dirty(self, job: "JobJournal") -> None:
        """Note that there is more to write of that job."""
        ...

    def flush(self, job: "JobJournal") -> None:
        """Note that somebody waits for what there is to write."""
        ...

    def mark_done(self, job: "JobJournal") -> None: ...

    def forget(self, job: "JobJournal") -> None: ...


class JobJournal:
    """Written from by the journal's writer, asked by the recorder, moved by the job.

    No method that changes it waits.
    """

    def __init__(
        self,
        job_id: str,
        epoch: int,
        log: Log,
        writer: Writer,
        on_fenced: Callable[[], object],
        position: int = 0,
    ) -> None:
        """`position`: up to where the journal has the log.  `on_fenced`: the job is another's."""
        self.job_id = job_id
        self._epoch = epoch
        self._log = log
        self._writer = writer
        self._on_fenced = on_fenced
        self._position = position
        self._ahead: AnyEvent | None = None
        self._ahead_at = 0  # the position of `ahead`
        self._ending: AnyEnding | None = None
        self._under_way: Entries | None = None
        self._is_lost = False  # whether the journal lost even the job's place
        self._is_closed = False  # whether nothing more of the job can be kept, or may be
        self._is_done = False
        self._moved = trio.Event()
        self._noted = trio.Event()  # that the job is marked as done, or cannot be

    @property
    def is_shared(self) -> bool:
        """Whether others may take the job over, and so must know of its ending before readers."""
        return self._writer.patience > 0

    @property
    def ahead(self) -> AnyEvent | None:
        """The event that the journal may have, and the log has not."""
        is_ahead = not self._is_closed and self._log.content_tail < self._ahead_at
        return self._ahead if is_ahead else None

    # For the job and its recorder.

    def mark_dirty(self) -> None:
        """Note that there is more in the log."""
        if not self._is_closed:
            self._writer.mark_dirty(self)

    async def keep(self, event: AnyEvent) -> None:
        """Return once `event`, which the log has not yet, is kept behind all that the log has."""
        self._ahead, self._ahead_at = event, self._log.tail + 1
        self._writer.flush(self)
        while self._position < self._ahead_at and not self._is_closed:
            await self._moved.wait()

    async def written(self) -> None:
        """Return once all that the log has now is kept, or nothing can be."""
        tail = self._log.content_tail
        self._writer.flush(self)
        while self._position < tail and not self._is_closed:
            await self._moved.wait()

    async def finish(self, ending: AnyEnding) -> None:
        """Return once the log and this ending behind it are kept, or nothing can be."""
        self._ending = ending
        if not self._is_closed:
            self._writer.flush(self)
        await self.finished()

    async def finished(self) -> None:
        """Return when `finish` would at once."""
        while not (self._is_closed or self._is_finished):
            await self._moved.wait()

    async def finished_in_time(
        self, store_timeout: float, on_overdue: Callable[[], Awaitable[None]]
    ) -> None:
        """Wait for the journal for as long as it must have the ending before that is said.

        `on_overdue` is called after `store_timeout` seconds: whoever asked for a stop has waited
        long enough.
        """
        with trio.move_on_after(self._writer.patience):
            with trio.move_on_after(store_timeout) as time:
                await self.finished()
            if time.cancelled_caught:
                await on_overdue()
                await self.finished()

    @property
    def is_marked_done(self) -> bool:
        """Whether nothing is left to be done."""
        return self._is_done

    def mark_done(self) -> None:
        """Note that nothing is left to be done: it is noted behind the ending."""
        if not self._is_done:
            self._is_done = True
            self._announce_done()

    async def marked_done(self) -> None:
        """Return once that is noted, where others look before they start what comes next."""
        self.mark_done()
        if self.is_shared:
            await self._noted.wait()

    def forget(self) -> None:
        """Note that nobody may follow the job any more."""
        self.give_up()
        self._writer.forget(self)

    def start_over(self) -> None:
        """Tell everything again: the journal lost what it had of the job.

        First the job's place alone, so that all jobs have theirs after one write.
        """
        if self._is_closed:
            return
        self._position, self._under_way, self._is_lost = 0, None, True
        if self._log.ending is None:
            self._writer.flush(self)
        else:
            self._writer.mark_dirty(self)

    async def placed(self) -> None:
        """Return once the job has a place in the journal, or cannot have one."""
        while self._is_lost and not self._is_closed:
            await self._moved.wait()

    # For the writer.

    @property
    def is_behind(self) -> bool:
        """Whether there is something to write."""
        is_complete = self._is_finished if self._end else self._position >= self._content_tail
        return not self._is_closed and (self._is_lost or not is_complete)

    def unwritten(self, budget: Budget) -> Entries | None:
        """The events that follow those that are written, as far as the budget goes."""
        if not self.is_behind or (budget.left <= 0 and not self._is_lost):
            return None
        events = () if self._is_lost else tuple(budget.take(self._following()))
        self._under_way = Entries(self.job_id, self._epoch, self._position + 1, events)
        return self._under_way

    def wrote(self, entries: Entries) -> None:
        if entries is self._under_way:  # otherwise all is told again since
            self._under_way, self._is_lost = None, False
            self._position += len(entries.events)
            self._move()
            self._announce_done()

    def refused(self, refusal: Refusal) -> None:
        if refusal.reason == "fenced":
            self._on_fenced()  # first: nobody who waits here may go on and store what is another's
            self.give_up()
        else:
            self.start_over()

    def noted(self) -> None:
        """Note that the journal has that mark."""
        self._noted.set()

    def give_up(self) -> None:
        """Nothing more of it can be kept."""
        self._is_closed = True
        self._noted.set()
        self._move()

    @property
    def _content_tail(self) -> int:
        return max(self._log.content_tail, self._ahead_at)

    @property
    def _end(self) -> AnyEnding | None:
        return self._ending or self._log.ending

    @property
    def _is_finished(self) -> bool:
        return self._end is not None and self._position > self._content_tail

    def _following(self) -> Iterator[AnyEvent]:
        said = self._log.events(self._position, self._log.content_tail)
        ahead = [self.ahead] if self.ahead and self._position < self._ahead_at else []
        return chain(said, ahead, [self._end] if self._end else [])

    def _move(self) -> None:
        moved, self._moved = self._moved, trio.Event()
        moved.set()

    def _announce_done(self) -> None:
        if self._is_done and self._is_finished:
            self._writer.mark_done(self)
