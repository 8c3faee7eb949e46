"""A dialect whose frames depend on all that came before: they are numbered, and count the text."""

from typing import Self

from legato.dialects.contract import Identity
from legato.events import AnyEvent, Created, Ending, Snapshot, TextDelta


class Numbers:
    """None, one or several frames an event; the ending has one more, without a number."""

    number = 0

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._length = 0
        self.encoded = 0  # events, by this one and those it was forked from

    def fork(self) -> Self:
        other = type(self)(self._identity)
        other.number, other._length, other.encoded = self.number, self._length, self.encoded
        return other

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        self.encoded += 1
        assert seq == self.encoded, "all events, in order"
        match event:
            case Created():
                return self._frame() + self._frame()
            case TextDelta(_, text):
                self._length += len(text)
                return self._frame()
            case Ending():
                return self._frame() + b"data: done\n\n"
        return b""

    def snapshot(self, snapshot: Snapshot) -> bytes | None:
        return None

    def _frame(self) -> bytes:
        frame = b"data: %d %d\n\n" % (self.number, self._length)
        self.number += 1
        return frame
