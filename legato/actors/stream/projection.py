"""A job's log as one dialect's frames: a live frame is encoded once, for all readers."""

from functools import partial

from legato.actors.stream.encoder_checkpoints import Encoding, Rest, frames
from legato.actors.stream.fold import Fold
from legato.actors.stream.readable_log import ReadableLog
from legato.actors.stream.sinks import Chunk, Sink
from legato.dialects.contract import Dialect, Identity

PAGE_BYTES = 64 * 1024  # bytes of a replay for a reader at a time: a stalled reader holds no more
_PAGES_KEPT = 2  # simultaneous replays are at about the same place
SPARED = 64  # sinks up to which nobody looks for sinks left by their readers


class Projection:
    """Every sink has had exactly the frames up to the position `pushed`.

    Frames are not kept: a log holds an event in a few bytes, and its frame takes hundreds.  An
    event read again is encoded again, to the same bytes.
    """

    def __init__(self, dialect: Dialect, identity: Identity, log: ReadableLog) -> None:
        self._dialect = dialect
        self._log = log
        self._pushed = log.tail
        self._sync: Chunk | None = None
        self._pages: dict[int, Chunk] = {}  # by the position before the page
        self._purge_at = SPARED
        self.lagged = 0  # dropped sinks whose readers had not left
        self.sinks: dict[Sink, None] = {}
        self.rename(identity)

    def rename(self, identity: Identity) -> None:
        """Make later frames the job's under the new identity; all earlier ones are pushed."""
        self._encoding = Encoding(partial(self._dialect, identity), self._log)
        self._epoch = identity.epoch
        self._sync = None
        self._pages.clear()

    @property
    def kept_bytes(self) -> int:
        kept = [*self._pages.values(), *([self._sync] if self._sync else [])]
        return sum(len(chunk.data) for chunk in kept)

    def push(self) -> None:
        """Send the events since the last push to every sink, as one write; drop those refusing."""
        after, self._pushed = self._pushed, self._log.tail
        if after == self._pushed or not self.sinks:
            return
        chunk = self._chunk(self._encoded(after, self._pushed), self._pushed)
        for sink in [sink for sink in self.sinks if not sink.push(chunk)]:
            self.lagged += not sink.is_left
            sink.close()
            del self.sinks[sink]
        if chunk.last:
            self.close()

    def attach(self, sink: Sink, after: int) -> None:
        """Give `sink` a page; `sink` joins if the page is the whole backlog, with more to come."""
        self.push()
        self._join(sink, self._page(after))

    def attach_synced(self, sink: Sink, fold: Fold) -> bool:
        """Give `sink` the sync frame, and the ending if already said; else the sink joins.

        False, and nothing is done, where this dialect has no sync frame.
        """
        self.push()
        if self._sync is None or self._sync.seq != self._log.tail:
            self._sync = self._synced(fold)
        if self._sync is not None:
            self._join(sink, self._sync)
        return self._sync is not None

    def after(self, number: int) -> Rest | int:
        """See `Encoding.after`."""
        return self._encoding.after(number)

    def close(self) -> None:
        for sink in self.sinks:
            sink.close()
        self.sinks.clear()

    def _encoded(self, after: int, up_to: int) -> bytes:
        encoder = self._encoding.take(after)
        encoded = b"".join(frames(encoder, self._log, after, up_to))
        self._encoding.put(up_to, encoder)
        return encoded

    def _synced(self, fold: Fold) -> Chunk | None:
        seq = self._log.content_tail
        snapshot = self._encoding.any.snapshot(fold.snapshot(seq))
        if snapshot is None:
            return None
        return self._chunk(snapshot + self._encoded(seq, self._log.tail), self._log.tail)

    def _page(self, after: int) -> Chunk:
        if page := self._pages.get(after):
            return page
        encoder = self._encoding.take(after)
        encoded, size = [], 0
        for frame in frames(encoder, self._log, after, self._log.tail):
            encoded.append(frame)
            size += len(frame)
            if size >= PAGE_BYTES:
                break
        page = self._chunk(b"".join(encoded), after + len(encoded))
        self._encoding.put(page.seq, encoder)
        if size >= PAGE_BYTES:  # only a full page stays the same
            self._keep(after, page)
        return page

    def _keep(self, after: int, page: Chunk) -> None:
        self._pages[after] = page
        if len(self._pages) > _PAGES_KEPT:
            del self._pages[next(iter(self._pages))]

    def _chunk(self, data: bytes, seq: int) -> Chunk:
        return Chunk(
            data, seq, self._epoch, last=seq == self._log.tail and self._log.ending is not None
        )

    def _join(self, sink: Sink, chunk: Chunk) -> None:
        if sink.push(chunk) and chunk.seq == self._log.tail and not chunk.last:
            self._purge()
            self.sinks[sink] = None
        else:
            sink.close()

    def _purge(self) -> None:
        """Readers come and go while a model is silent, and no push finds out who has left."""
        if len(self.sinks) >= self._purge_at:
            self.sinks = {sink: None for sink in self.sinks if not sink.is_left}
            self._purge_at = max(SPARED, 2 * len(self.sinks))  # or each newcomer would pay for all
