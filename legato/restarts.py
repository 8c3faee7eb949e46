"""The pauses before a dead process is started again: none at first, then growing."""

from collections.abc import Sequence
from typing import Final

PAUSES: Final = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before the first, second, … restart in a row.  With the starts the sum is about ten:
longer than a database takes to restart, and short enough to report a database that is gone."""

STEADY: Final = 10.0
"""Seconds of a life after which a death has nothing to do with the death before."""


class Restarts:
    """Counts the deaths of a process in quick succession."""

    def __init__(self, pauses: Sequence[float] = PAUSES, *, steady: float = STEADY) -> None:
        self.quick = 0
        self._pauses = pauses
        self._steady = steady

    def pause(self, lived: float) -> float | None:
        """Seconds to wait after a life of `lived` seconds; None when all pauses are used up."""
        self.quick = self.quick + 1 if lived < self._steady else 1
        return self._pauses[self.quick - 1] if self.quick <= len(self._pauses) else None

    def longest(self, lived: float) -> float:
        """The same for a process that is never given up: the last pause is repeated."""
        pause = self.pause(lived)
        return self._pauses[-1] if pause is None else pause
