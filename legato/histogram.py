"""How long something takes, over all the times that it happened."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """`counts`: how many were at most each of `bounds` seconds, and at last how many took longer.

    None of them is in two counts.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds
