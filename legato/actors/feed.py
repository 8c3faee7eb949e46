"""What readers follow: a log, its fold, and its projections, changed in one place."""

from collections.abc import Mapping
from typing import Literal

from legato.actors.fold import Fold
from legato.actors.log import Log
from legato.actors.projection import Projection
from legato.actors.sinks import Chunk, Sink
from legato.dialects.contract import Dialect, Identity
from legato.events import AnyEvent, Cursor, Ending, Snapshot

Start = Literal["beginning", "snapshot"] | Cursor


class Feed:
    """Owned by one actor.  No method waits, so nobody ever sees half a change."""

    def __init__(
        self, identity: Identity, dialects: Mapping[str, Dialect], max_log_bytes: int
    ) -> None:
        self._identity = identity
        self._dialects = dialects
        self._log = Log()
        self._fold = Fold()
        self._projections: dict[str, Projection] = {}
        self._compact_at = max_log_bytes

    @property
    def ending(self) -> Ending | None:
        return self._log.ending

    @property
    def text_bytes(self) -> int:
        return self._fold.bytes

    @property
    def readers(self) -> int:
        return sum(len(each.sinks) for each in self._projections.values())

    @property
    def bytes(self) -> int:
        """About what it keeps in memory."""
        return self._log.bytes + sum(each.bytes for each in self._projections.values())

    def append(self, *events: AnyEvent) -> None:
        for event in events:
            self._log.append(event)
            self._fold.apply(event)
        if self._log.bytes > self._compact_at:
            self._compact()

    def snapshot(self) -> Snapshot:
        return self._fold.snapshot(self._log.content_tail)

    def subscribe(self, dialect: str, start: Start, sink: Sink) -> Chunk:
        """The backlog from `start`; `sink` gets what follows it, or is closed.

        It is closed where the ending is in the backlog, and where the backlog is only the first
        part of what was missed: then ask again from there.
        """
        projection = self._projection(dialect)
        index = self._index(start)
        if index is None:
            return projection.attach_synced(sink, self._fold)
        return projection.attach(sink, index)

    def push(self) -> None:
        """Hand every reader what came since the last push."""
        for projection in self._projections.values():
            projection.push()

    def close(self) -> None:
        """Cut the readers that are left."""
        for projection in self._projections.values():
            projection.close()

    def _projection(self, dialect: str) -> Projection:
        if dialect not in self._projections:
            made = Projection(self._dialects[dialect], self._identity, self._log)
            self._projections[dialect] = made
        return self._projections[dialect]

    def _index(self, start: Start) -> int | None:
        """Where in the log `start` is; None where only a snapshot can answer it."""
        if start == "beginning":
            return 0
        mine = (self._identity.job_id, self._identity.epoch)
        if isinstance(start, Cursor) and (start.job_id, start.epoch) == mine:
            return self._log.index_after(start.seq)
        return None

    def _compact(self) -> None:
        self.push()
        self._log.compact()
        for projection in self._projections.values():
            projection.rebuild()
        # An answer that is itself near the limit must not be compacted again at every event.
        self._compact_at = max(self._compact_at, 2 * self._log.bytes)
