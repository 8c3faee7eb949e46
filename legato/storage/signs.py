"""Who is alive, from signs of life: counters that stop changing.  Pure: the clock is handed in."""

from collections.abc import Collection, Mapping
from typing import Final

LEFT: Final = "left"
"""The sign of a replica that said it leaves."""

MISSING: Final = ""
"""Stands for the sign of one that never gave any."""


class Signs:
    """What one replica saw of the others.

    It compares no clock but its own with itself, so it does not matter whether anybody's is right;
    and a time in which it could not see counts for nobody's death.
    """

    def __init__(self, me: str, lease: float) -> None:
        self._me = me
        self._lease = lease
        self._signs: dict[str, str] = {}
        self._silence: dict[str, float] = {}  # seconds that they were seen not to give another
        self._looked: float | None = None

    def look(self, signs: Mapping[str, str], now: float) -> None:
        """`signs` are everybody's at `now`.  Who is missing there is as silent as who is still."""
        passed = now - self._looked if self._looked is not None else 0.0
        self._looked = now
        for replica in {*signs, *self._signs} - {self._me}:
            before = self._signs.get(replica)
            sign = signs.get(replica, before or MISSING)
            is_silent = sign == before
            self._signs[replica] = sign
            self._silence[replica] = self._silence.get(replica, 0) + passed if is_silent else 0
        if passed > self._lease / 2:
            self.miss()  # this process was paused itself

    def miss(self) -> None:
        """Nothing could be seen: nobody has been silent so far."""
        self._silence = dict.fromkeys(self._silence, 0)
        self._looked = None

    def alive(self) -> Collection[str]:
        return [replica for replica in self._signs if not self.is_gone(replica)]

    def is_gone(self, replica: str) -> bool:
        if replica == self._me:
            return False
        sign = self._signs.setdefault(replica, MISSING)  # of whom is asked is looked for
        return sign == LEFT or self._silence.get(replica, 0) >= self._lease
