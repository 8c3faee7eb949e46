"""A job's log as one dialect's frames: encoded once, shared by every reader of that dialect."""

from legato.actors.fold import Fold
from legato.actors.log import Log
from legato.actors.sinks import Chunk, Sink
from legato.dialects.contract import Dialect, Identity

PAGE_BYTES = 64 * 1024  # what a replay hands a reader at a time: a stalled one holds no more


class Projection:
    """`frames[i]` is `log.entries[i]` encoded.  All its sinks have had exactly `pushed` frames."""

    def __init__(self, dialect: Dialect, identity: Identity, log: Log) -> None:
        self._dialect = dialect
        self._identity = identity
        self._log = log
        self._sync: Chunk | None = None
        self.sinks: list[Sink] = []
        self.rebuild()

    def rebuild(self) -> None:
        """Encode the log anew: on making it, and after its log was compacted."""
        self._encoder = self._dialect(self._identity)
        self._frames: list[bytes] = []
        self.bytes = 0  # of all frames
        self._encode()
        self._pushed = len(self._frames)

    def _encode(self) -> None:
        for entry in self._log.entries[len(self._frames) :]:
            frame = self._encoder.encode(entry.seq, entry.event)
            self._frames.append(frame)
            self.bytes += len(frame)

    def push(self) -> None:
        """Send what came since the last push to every sink, as one write; drop who refuses."""
        if not self.sinks:
            return  # nobody wants it: it is encoded when somebody does
        self._encode()
        if self._pushed == len(self._frames):
            return
        chunk = self._chunk(self._pushed, len(self._frames))
        self._pushed = len(self._frames)
        for sink in [sink for sink in self.sinks if not sink.push(chunk)]:
            sink.close()
            self.sinks.remove(sink)
        if chunk.last:
            self.close()

    def attach(self, sink: Sink, index: int) -> Chunk:
        """The backlog from `index`; the sink joins if that is all of it and more is to come."""
        self._catch_up()
        return self._join(sink, self._page(index))

    def attach_synced(self, sink: Sink, fold: Fold) -> Chunk:
        """The sync frame, and after it the ending if that is said; the sink joins otherwise."""
        self._catch_up()
        if self._sync is None or self._sync.seq != self._log.tail:
            self._sync = self._synced(fold)
        return self._join(sink, self._sync)

    def _synced(self, fold: Fold) -> Chunk:
        seq = self._log.content_tail
        data = self._encoder.snapshot(fold.snapshot(seq))
        if self._log.ending is not None:
            return Chunk(data + self._frames[-1], self._log.tail, last=True)
        return Chunk(data, seq)

    def _catch_up(self) -> None:
        """Bring frames and sinks to the log's tail, so that a newcomer joins them there."""
        self.push()
        self._encode()
        self._pushed = len(self._frames)

    def _join(self, sink: Sink, chunk: Chunk) -> Chunk:
        if chunk.seq == self._log.tail and not chunk.last:
            # Readers come and go while a model is silent, and no push tells who is gone.
            self.sinks = [each for each in self.sinks if not each.is_left]
            self.sinks.append(sink)
        else:
            sink.close()
        return chunk

    def _page(self, start: int) -> Chunk:
        end, size = start, 0
        while end < len(self._frames) and size < PAGE_BYTES:
            size += len(self._frames[end])
            end += 1
        return self._chunk(start, end)

    def _chunk(self, start: int, end: int) -> Chunk:
        seq = self._log.entries[end - 1].seq if end else 0
        last = end == len(self._frames) and self._log.ending is not None
        return Chunk(b"".join(self._frames[start:end]), seq, last)

    def close(self) -> None:
        for sink in self.sinks:
            sink.close()
        self.sinks.clear()
