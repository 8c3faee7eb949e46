"""One job's place in the journal, for the job's whole life.

Rules:

1. The log leads.  The place follows at its own pace: a storage that is away for an hour holds
   nobody up, and costs no memory but the log's own.
2. The position is absolute: the number of events in the journal, counted as in the log.
3. Two events are written before the log has them, because nobody may hear of them before: the first
   one (`ahead`) and the ending.
4. A reply moves the position only if the reply is to the write under way.  Example: [1, 2, 3, 4]
   are written, and the journal comes back empty.  `start_over` makes the position 0; the reply to
   an earlier write changes nothing, and the log is written again from 1.
5. A journal that refuses a former owner (`fenced`) ends the job here, before any waiting task can
   go on and store messages of a job with another owner.
6. A job is marked as done once, behind its ending, when nothing is left to be stored.
7. No method that changes the place waits.
"""

from collections.abc import Awaitable, Callable, Iterator
from itertools import chain
from typing import Final, Protocol

import trio

from legato.actors.stream.readable_log import ReadableLog
from legato.events import AnyEnding, AnyEvent, TextDelta, text_bytes
from legato.storage.contracts.journal import Entries, Refusal

ENTRY_BYTES: Final = 64
"""About what an event costs in a write, beside its text."""


class Budget:
    """The bytes still free in a write: beyond 512 KiB, encoding would hold the loop up for longer
    than five milliseconds."""

    def __init__(self, size: int = 512 * 1024) -> None:
        self.left = size

    def take(self, events: Iterator[AnyEvent]) -> Iterator[AnyEvent]:
        """As many of the events as fit; the first whatever its size."""
        while self.left > 0 and (event := next(events, None)) is not None:
            # Nearly all are text: a call for each would cost as much as all else here.
            text = len(event.text) if type(event) is TextDelta else text_bytes(event)
            self.left -= ENTRY_BYTES + text
            yield event


class Writer(Protocol):
    """The one task that writes for all jobs."""

    @property
    def patience(self) -> float:
        """Seconds for which an ending waits for the journal, at most, beyond the time given to
        storing the answer; 0 where nobody else reads the journal."""
        ...

    def mark_dirty(self, job: "JobJournal") -> None:
        """Note that the job has more to write."""
        ...

    def flush(self, job: "JobJournal") -> None:
        """Note that somebody waits for the job's unwritten events."""
        ...

    def mark_done(self, job: "JobJournal") -> None: ...

    def forget(self, job: "JobJournal") -> None: ...


class JobJournal:
    """Read by the journal's writer, asked by the recorder, moved by the job.

    No method that changes the place waits.
    """

    def __init__(
        self,
        job_id: str,
        epoch: int,
        log: ReadableLog,
        writer: Writer,
        on_fenced: Callable[[], object],
        position: int = 0,
    ) -> None:
        """`position`: events in the journal, a count.  `on_fenced`: the job has a new owner."""
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
        self._is_closed = False  # whether the rest of the job cannot be kept, or may not be
        self._is_done = False
        self._moved = trio.Event()
        # set when the journal has the mark of a job as done, or never will
        self._noted = trio.Event()

    @property
    def is_shared(self) -> bool:
        """Whether other replicas may take the job over, and must hear the ending before readers."""
        return self._writer.patience > 0

    @property
    def has_all(self) -> bool:
        """Whether the journal has the whole log, so that another job can be made of it."""
        is_whole = not self._is_lost and self._position >= self._content_tail
        return is_whole and not self._is_closed

    @property
    def ahead(self) -> AnyEvent | None:
        """The event that the journal may have, and the log has not."""
        is_ahead = not self._is_closed and self._log.content_tail < self._ahead_at
        return self._ahead if is_ahead else None

    # For the job and its recorder.

    def mark_dirty(self) -> None:
        """Note that the log has grown."""
        if not self._is_closed:
            self._writer.mark_dirty(self)

    async def keep(self, event: AnyEvent) -> None:
        """Return once `event`, which the log has not yet, is kept behind all events of the log."""
        self._ahead, self._ahead_at = event, self._log.tail + 1
        self._writer.flush(self)
        await self._until(lambda: self._position >= self._ahead_at)

    async def written(self) -> None:
        """Return once all events of the log are kept, or nothing can be."""
        tail = self._log.content_tail
        self._writer.flush(self)
        await self._until(lambda: self._position >= tail)

    async def finish(self, ending: AnyEnding) -> None:
        """Return once the log and this ending behind it are kept, or nothing can be."""
        self._ending = ending
        if not self._is_closed:
            self._writer.flush(self)
        await self.finished()

    async def finished(self) -> None:
        """Return when `finish` would return at once."""
        await self._until(lambda: self._is_finished)

    async def over(self) -> None:
        """Return once no later process finds the job without the ending."""
        if self._content_tail:  # otherwise the journal never had anything of the job
            await self.finished()

    async def finished_in_time(
        self, store_timeout: float, on_overdue: Callable[[], Awaitable[None]]
    ) -> None:
        """Wait for the journal while the journal must have the ending before readers do.

        `on_overdue` is called after `store_timeout` seconds: a stop has waited long enough.
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
        """Note that nothing is left to be done; the journal gets the mark behind the ending."""
        if not self._is_done:
            self._is_done = True
            self._announce_done()

    async def marked_done(self) -> None:
        """Mark the job as done, and return once the shared journal has the mark."""
        self.mark_done()
        if self.is_shared:
            await self._noted.wait()

    def forget(self) -> None:
        """Note that nobody may follow the job any more."""
        self.give_up()
        self._writer.forget(self)

    def start_over(self) -> None:
        """Write everything again: the journal lost the job's log.

        The first write is the job's place alone: after a single write all jobs have their places.
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
        await self._until(lambda: not self._is_lost)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        """Return once `is_so`, or nothing more can be kept.

        A job with another owner by now is cancelled, and goes no further: what is not kept by then
        is followed by no reply and no model call.
        """
        while not (is_so() or self._is_closed):
            await self._moved.wait()
        await trio.lowlevel.checkpoint_if_cancelled()

    # For the writer.

    @property
    def is_behind(self) -> bool:
        """Whether the job has unwritten events, or no place."""
        is_complete = self._is_finished if self._end else self._position >= self._content_tail
        return not self._is_closed and (self._is_lost or not is_complete)

    def unwritten(self, budget: Budget) -> Entries | None:
        """The events after the written ones, as far as the budget goes."""
        if not self.is_behind or (budget.left <= 0 and not self._is_lost):
            return None
        events = () if self._is_lost else tuple(budget.take(self._following()))
        self._under_way = Entries(self.job_id, self._epoch, self._position + 1, events)
        return self._under_way

    def wrote(self, entries: Entries) -> None:
        if entries is self._under_way:  # otherwise the log is written again by now
            self._under_way, self._is_lost = None, False
            self._position += len(entries.events)
            self._move()
            self._announce_done()

    def refused(self, refusal: Refusal) -> None:
        if refusal.reason == "fenced":
            self._on_fenced()  # first: no waiting task may go on and store for another owner
            self.give_up()
        else:
            self.start_over()

    def noted(self) -> None:
        """Note that the journal has the mark."""
        self._noted.set()

    def give_up(self) -> None:
        """Note that nothing more of the job can be kept."""
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
