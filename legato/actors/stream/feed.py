"""The feed for readers: a log with the fold and the projections.

Rules:

1. One actor owns a feed: a job, or a mirror.  No method waits, and nobody sees half a change.
2. `append` changes log and fold together.  An event keeps its position for ever.
3. `subscribe` gives a sink the backlog and lets the sink join in one step: no event comes between
   the two, and none comes twice.
4. `push` hands every sink, as one write, the events since the last push.
5. A sink takes a write at once or refuses.  A refusing sink is dropped, and the reader behind asks
   again from the reader's own cursor.
6. A cursor holds as far as the log still has the events of the cursor's epoch: `events.Cursor` has
   an example.  Any other cursor is answered with a snapshot, or refused where the dialect has none.
7. A fault of a dialect cuts the readers of the dialect, and harms neither the job nor others.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog
from msgspec import structs

from legato.actors.stream.fold import Fold
from legato.actors.stream.log import Log
from legato.actors.stream.places import Located, OutOfReach, Start, UnknownDialect
from legato.actors.stream.projection import Projection
from legato.actors.stream.readable_log import ReadableLog
from legato.actors.stream.sinks import Sink
from legato.dialects.contract import Dialect, Identity
from legato.events import AnyEnding, AnyEvent, Created, Cursor, Queued, Snapshot

T = TypeVar("T")

log = structlog.get_logger()


class Feed:
    """The rules are at the top of this file."""

    def __init__(
        self,
        identity: Identity,
        dialects: Mapping[str, Dialect],
        previous_epochs: Mapping[int, int] | None = None,
    ) -> None:
        """`previous_epochs`: see the property."""
        self._identity = identity
        self._dialects = dialects
        self._previous_epochs = dict(previous_epochs or {})
        self._log = Log()
        self._fold = Fold()
        self._projections: dict[str, Projection] = {}
        self._broken: set[str] = set()  # dialects

    @property
    def log(self) -> ReadableLog:
        """The entries, for the journal's writer."""
        return self._log

    @property
    def ending(self) -> AnyEnding | None:
        return self._log.ending

    @property
    def text_bytes(self) -> int:
        return self._fold.bytes

    @property
    def has_content(self) -> bool:
        """Whether the model has said anything."""
        return bool(self._fold.steps)

    @property
    def queued(self) -> Queued | None:
        return self._fold.queued

    @property
    def created(self) -> Created | None:
        return self._fold.created

    @property
    def cursor(self) -> Cursor:
        """The place of the last event."""
        return Cursor(self._identity.job_id, self._identity.epoch, self._log.tail)

    def cursor_of(self, seq: int) -> Cursor:
        """The place of an event, with the epoch of the owner that said the event."""
        epochs = [each for each, tail in self._previous_epochs.items() if tail >= seq]
        epoch = min(epochs, default=self._identity.epoch)
        return Cursor(self._identity.job_id, epoch, seq)

    @property
    def previous_epochs(self) -> Mapping[int, int]:
        """The epochs of former owners, each with its last kept position: {1: 2} where epoch 1 said
        [1, 2, 3] and [1, 2] was kept.  See `events.Cursor`."""
        return self._previous_epochs

    @property
    def readers(self) -> int:
        """How many have not left, as far as can be seen."""
        sinks = [sink for each in self._projections.values() for sink in each.sinks]
        return sum(not sink.is_left for sink in sinks)

    @property
    def waiting(self) -> int:
        """Bytes that wait for the slowest reader, as far as can be seen."""
        sinks = [sink for each in self._projections.values() for sink in each.sinks]
        return max((sink.waiting for sink in sinks if not sink.is_left), default=0)

    @property
    def lagged(self) -> int:
        """How many readers were dropped so far for lagging, to ask again."""
        return sum(each.lagged for each in self._projections.values())

    @property
    def bytes(self) -> int:
        """About how many bytes of memory the feed keeps."""
        projections = sum(each.kept_bytes for each in self._projections.values())
        return self._log.bytes + self._fold.kept_bytes + projections

    @property
    def epoch(self) -> int:
        return self._identity.epoch

    def succeed(self, epoch: int, previous_epochs: Mapping[int, int]) -> None:
        """Go on under another owner, whose log has all events of this feed."""
        self.push()
        self._identity = structs.replace(self._identity, epoch=epoch)
        self._previous_epochs = dict(previous_epochs)
        for projection in self._projections.values():
            projection.rename(self._identity)

    def append(self, *events: AnyEvent) -> None:
        self._log.append(*events)
        self._fold.apply(*events)

    def snapshot(self) -> Snapshot:
        return self._fold.snapshot(self._log.content_tail)

    def place_of(self, event: AnyEvent) -> Cursor | None:
        """The event's position in the log; None without one.  Reads the whole log."""
        events = self._log.events(0, self._log.tail)
        seq = next((seq for seq, each in enumerate(events, 1) if each == event), None)
        return None if seq is None else Cursor(self._identity.job_id, self.epoch, seq)

    def subscribe(
        self, dialect: str, start: Start, sink: Sink
    ) -> OutOfReach | UnknownDialect | None:
        """Give `sink` the backlog from `start` and all later events, or close `sink`.

        A sink is closed if the backlog has the ending, if the backlog is only the first part of the
        missed events, or if the sink lags already.  In the last two cases the reader asks again
        from the new place.

        Refused where only a snapshot could answer, and the dialect has none.
        """
        seq = self._seq(start)

        def attach(projection: Projection) -> OutOfReach | None:
            if seq is not None:
                projection.attach(sink, seq)
            elif not projection.attach_synced(sink, self._fold):
                return OutOfReach()
            return None

        return self._using(dialect, attach)

    def locate(self, dialect: str, place: Cursor | int) -> Located | OutOfReach | UnknownDialect:
        """See Locate."""
        if isinstance(place, Cursor):
            is_last = self.ending is not None and place.seq == self._log.tail
            return Located(place, is_last=is_last) if self.holds(place) else OutOfReach()
        found = self._using(dialect, lambda projection: projection.after(place))
        if isinstance(found, int):
            return OutOfReach(found)
        if isinstance(found, UnknownDialect):
            return found
        return Located(Cursor(self._identity.job_id, self.epoch, found.seq), found.frames)

    def holds(self, start: Start) -> bool:
        """Whether the events after `start` are here, or a snapshot is wanted."""
        return start == "snapshot" or self._seq(start) is not None

    def push(self) -> None:
        """Hand every reader the events since the last push."""
        for dialect in [*self._projections]:
            self._using(dialect, Projection.push)

    def close(self) -> None:
        """Cut the remaining readers."""
        for projection in self._projections.values():
            projection.close()

    def _using(self, dialect: str, use: Callable[[Projection], T]) -> T | UnknownDialect:
        """Use the dialect's projection.

        A fault of the dialect cuts the dialect's own readers, and harms neither the job nor other
        readers.
        """
        if dialect in self._broken or dialect not in self._dialects:
            return UnknownDialect(f"Nobody speaks {dialect} here.")
        try:
            return use(self._projection(dialect))
        except Exception:
            log.exception("dialect failed", dialect=dialect, job=self._identity.job_id)
            self._broken.add(dialect)
            if projection := self._projections.pop(dialect, None):
                projection.close()
            return UnknownDialect(f"Telling this generation in {dialect} failed.")

    def _projection(self, dialect: str) -> Projection:
        if dialect not in self._projections:
            made = Projection(self._dialects[dialect], self._identity, self._log)
            self._projections[dialect] = made
        return self._projections[dialect]

    def _seq(self, start: Start) -> int | None:
        """The position named by `start`; None where only a snapshot can answer."""
        if start == "beginning":
            return 0
        if isinstance(start, Cursor) and start.job_id == self._identity.job_id:
            return start.seq if 0 <= start.seq <= self._tail_of(start.epoch) else None
        return None

    def _tail_of(self, epoch: int) -> int:
        """The last position up to which a cursor of that epoch holds; -1 for none.

        An owner without any appended event had the log as the former owner left it.
        """
        if epoch == self._identity.epoch:
            return self._log.tail
        before = [each for each in self._previous_epochs if each <= epoch < self._identity.epoch]
        return self._previous_epochs[max(before)] if before else -1
