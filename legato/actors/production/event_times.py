"""When the events of a log came, in a bounded number of entries.  Pure."""

from array import array
from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

RESOLUTION: Final = 0.1  # seconds: finer than an eye can tell in a replay
_MOST: Final = 512  # moments, 8 KiB: a minute of tokens to 0.2 s, ten minutes to 1.6 s
_ROUNDING: Final = 1e-9  # seconds


class _Moment(NamedTuple):
    """From `at` on, and before the next moment, the log grew up to position `seq`.

    `at`: seconds from an origin of the caller's.
    """

    at: float
    seq: int


class EventTimes:
    """The moments of one log, oldest first; what came within `resolution` is one moment.

    With [(0.0, 3), (0.1, 7), (9.2, 8)], events 4 to 7 came between 0.1 and 0.2, and event 8 at 9.2.
    Where there are too many moments, `resolution` is doubled.
    """

    def __init__(self, most: int = _MOST) -> None:
        self.resolution = RESOLUTION  # seconds
        self.unknown = 0  # events up to this position came before anybody noted times
        self._most = most
        self._at = array("d")
        self._seqs = array("Q")
        self._next = -inf  # when the newest moment is over

    @property
    def bytes(self) -> int:
        """How many bytes of memory the moments take."""
        return len(self) * (self._at.itemsize + self._seqs.itemsize)

    def __len__(self) -> int:
        return len(self._seqs)

    def note(self, seq: int, at: float) -> None:
        """Note that the log has grown to `seq`.  Every read of a model's stream comes by here."""
        if at < self._next:
            self._seqs[-1] = seq
        else:
            self._at.append(at)
            self._seqs.append(seq)
            self._next = at + self.resolution
            if len(self._seqs) > self._most:
                self._thin()

    def moments(self) -> Sequence[_Moment]:
        return [_Moment(*each) for each in zip(self._at, self._seqs, strict=True)]

    def _thin(self) -> None:
        """Make moments longer until half as many are enough."""
        while len(self._seqs) > self._most // 2:
            length, self.resolution = self.resolution, 2 * self.resolution
            before, self._at, self._seqs = self.moments(), array("d"), array("Q")
            for each in before:
                if self._at and each.at - self._at[-1] <= length + _ROUNDING:  # both fit into one
                    self._seqs[-1] = each.seq
                else:
                    self._at.append(each.at)
                    self._seqs.append(each.seq)
        self._next = self._at[-1] + self.resolution
