"""Counts and lags from a stream's raw bytes, wherever the reads split them.  Pure."""

import re
from typing import Final

EVENT: Final = b"\nevent: "
FRAME_END: Final = b"\n\n"
CHUNK_END: Final = b"\n\n\r\n"  # of whole frames; no pattern goes on behind the end
ENDING: Final = b'"final":true'

_STAMP: Final = re.compile(rb'"ts=(\d+) ')
_LONGEST_STAMP: Final = 31  # bytes: 2**64 has 20 digits
_BEFORE: Final = 4096  # bytes: a response's head and the frames before the first token are less

_BUCKET: Final = 100_000  # ns


class Tally:
    """Counts a pattern in a stream that comes in pieces."""

    __slots__ = ("_keep", "_pattern", "_tail")

    def __init__(self, pattern: bytes) -> None:
        self._pattern = pattern
        self._keep = len(pattern) - 1  # bytes: a tail too short for a whole pattern
        self._tail = b""

    def take(self, data: bytes) -> int:
        """The number of patterns that end in this piece."""
        tail, keep = self._tail, self._keep
        self._tail = data[-keep:] if len(data) >= keep else (tail + data)[-keep:]
        return data.count(self._pattern) + (tail + data[:keep]).count(self._pattern)


class Stamps:
    """Reads the time of making from the texts of stamped tokens."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""

    def first(self, data: bytes) -> int | None:
        """The first stamp (ns) that ends in this piece, which is the oldest; None without a
        stamp."""
        tail = self._tail
        self._tail = (tail + data)[-_LONGEST_STAMP:] if len(data) < 64 else data[-_LONGEST_STAMP:]
        for found in _STAMP.finditer(tail + data[:_BEFORE]):
            if found.end() > len(tail):
                return int(found[1])
        return None


def first_stamp(data: bytes) -> int | None:
    """The same as `Stamps.first`, for whole frames."""
    start = data.find(b'"ts=', 0, _BEFORE)
    return int(data[start + 4 : data.index(b" ", start)]) if start >= 0 else None


class Lags:
    """Counts events by lag, in buckets of 0.1 ms."""

    def __init__(self, counts: dict[int, int] | None = None) -> None:
        self.counts = counts or {}

    def add(self, lag: int, events: int) -> None:
        """`lag` in ns."""
        bucket = lag // _BUCKET
        self.counts[bucket] = self.counts.get(bucket, 0) + events

    def percentile(self, share: float) -> float:
        """Milliseconds that `share` (0 to 1) of the events do not exceed; 0.0 without events."""
        left = share * sum(self.counts.values())
        for bucket, events in sorted(self.counts.items()):
            left -= events
            if left <= 0:
                return (bucket + 1) * _BUCKET / 1e6
        return 0.0
