"""When a process that died is started again: at once, then with growing pauses."""

from collections.abc import Sequence
from typing import Final

PAUSES: Final = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before the first, second, … restart in a row: some ten with the starts themselves, which
outlasts a database that is being restarted, and soon says of one that is gone."""

STEADY: Final = 10.0
"""Seconds of a life after which a death has nothing to do with the one before."""


class Restarts:
    """Counts the deaths of one process that come in quick succession."""

    def __init__(self, pauses: Sequence[float] = PAUSES, *, steady: float = STEADY) -> None:
        self.quick = 0
        self._pauses = pauses
        self._steady = steady

    def pause(self, lived: float) -> float | None:
        """Seconds to wait after a life of so many; None once there were more than pauses."""
        self.quick = self.quick + 1 if lived < self._steady else 1
        return self._pauses[self.quick - 1] if self.quick <= len(self._pauses) else None

    def longest(self, lived: float) -> float:
        """The same for what is never given up."""
        pause = self.pause(lived)
        return self._pauses[-1] if pause is None else pause
