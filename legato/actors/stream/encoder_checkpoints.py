"""A dialect's encoder at any position of a log.  Pure."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from legato.actors.stream.readable_log import ReadableLog
from legato.dialects.contract import Encoder

KEPT: Final = 4  # encoders: at the end of the live frames, and at the places of replaying readers
_MARK_EVERY: Final = 8192
"""Events; to encode so many takes about 6 ms, for which a reader who comes back holds others up."""

_FRAME_END: Final = b"\n\n"  # and nowhere else: the content of a frame is JSON on one line


class Rest(NamedTuple):
    """The remaining frames of the event at `seq`."""

    seq: int
    frames: bytes


class Encoding:
    """A dialect's encoders by position; an encoder at a position has encoded all events before.

    An encoder without a state is at all positions at once, and costs nothing here.  An encoder with
    a state leaves a copy at every `mark_every`th position, from which a later reader's encoder
    begins.
    """

    def __init__(
        self, make: Callable[[], Encoder], log: ReadableLog, mark_every: int = _MARK_EVERY
    ) -> None:
        self._new = make()
        self._is_stateless = self._new.fork() is self._new
        self._log = log
        self._kept: dict[int, Encoder] = {}  # by position, the one used last at the end
        self._marks: dict[int, Encoder] = {}
        self._mark_every = mark_every

    @property
    def any(self) -> Encoder:
        """An encoder for frames that depend on no position."""
        return self._new

    def take(self, seq: int) -> Encoder:
        """Take out the encoder at `seq`; the caller puts the encoder back at a later place."""
        if self._is_stateless:
            return self._new
        if (kept := self._kept.pop(seq, None)) is not None:
            return kept
        before, encoder = self._nearest(lambda each, _: each <= seq)
        for event in self._log.events(before, seq):
            encoder.encode(before + 1, event)
            before += 1
            self._mark(before, encoder)
        return encoder

    def _mark(self, seq: int, encoder: Encoder) -> None:
        if seq % self._mark_every == 0 and seq not in self._marks:
            self._marks[seq] = encoder.fork()

    def put(self, seq: int, encoder: Encoder) -> None:
        if self._is_stateless:
            return
        self._kept.pop(seq, None)
        self._kept[seq] = encoder
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]

    def after(self, number: int) -> Rest | int:
        """The frames after the frame `number` (-1 or more), from the same event or else the next.

        Where the log has no such frame yet, the number of the last frame.
        """
        wanted = number + 1
        seq, encoder = self._before(wanted)
        first, made = wanted, b""
        for event in self._log.events(seq, self._log.tail):
            if _next_number(encoder) > wanted:
                break
            seq, first = seq + 1, _next_number(encoder)
            made = encoder.encode(seq, event)
            self._mark(seq, encoder)
        if _next_number(encoder) < wanted:
            return _next_number(encoder) - 1
        self.put(seq, encoder)
        return Rest(seq, made.split(_FRAME_END, wanted - first)[-1])

    def _before(self, wanted: int) -> tuple[int, Encoder]:
        """The last kept place before the frame `wanted`, and before the ending, whose frames have
        no number."""
        return self._nearest(
            lambda seq, each: seq <= self._log.content_tail and _next_number(each) <= wanted
        )

    def _nearest(self, fits: Callable[[int, Encoder], bool]) -> tuple[int, Encoder]:
        """The last kept place that `fits`, or the beginning."""
        places = self._marks | self._kept
        seq = max((seq for seq, each in places.items() if fits(seq, each)), default=0)
        return seq, places.get(seq, self._new).fork()


def _next_number(encoder: Encoder) -> int:
    """In a dialect without numbers no frame has ever been made."""
    return encoder.number or 0


def frames(encoder: Encoder, log: ReadableLog, after: int, up_to: int) -> Iterator[bytes]:
    return map(encoder.encode, range(after + 1, up_to + 1), log.events(after, up_to))
