"""A histogram of durations."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """`counts`: the durations up to each of `bounds` (seconds), and at last the longer durations.

    No duration is in two counts.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds
