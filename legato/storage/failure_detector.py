"""Tells who is alive from signs of life, which stop changing.  Pure: the clock is handed in."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

LEFT: Final = "left"
"""The sign of a replica that said it leaves."""

MISSING: Final = ""
"""Stands for the sign of one that never gave any."""


class Sign(NamedTuple):
    """A replica's sign, and since when, at the earliest, it has not changed."""

    value: str
    since: float


class FailureDetector:
    """What one replica saw of the others.

    It compares no clock but its own with itself, so it does not matter whether anybody's is right;
    and a time in which it could not see counts for nobody's death.  Who is gone stays gone until
    the next sign.
    """

    def __init__(self, me: str, lease: float) -> None:
        self._me = me
        self._lease = lease
        self._signs: dict[str, Sign] = {}
        self._gone: frozenset[str] = frozenset()
        self._looked: float | None = None
        self._watched_from = math.inf
        self.has_watched_a_lease = False
        """Whether every look in the last lease succeeded in time: so all were seen who live."""

    def look(self, signs: Mapping[str, str], began: float, ended: float) -> None:
        """`signs` are everybody's, seen between these two moments.

        Who is missing there is as silent as who is still.
        """
        # After a failed look, or one that was late because this process was paused, the others
        # may have given signs that nobody saw, or have been kept from it as well.
        is_steady = self._looked is not None and ended - self._looked <= self._lease / 2
        self._looked = ended
        if not is_steady:
            self._watched_from = ended
        for replica in {*signs, *self._signs} - {self._me}:
            known = self._signs.get(replica)
            value = signs.get(replica, known.value if known else MISSING)
            again = not is_steady and replica not in self._gone
            if known is None or known.value != value or again:
                self._signs[replica] = Sign(value, ended)
        self._judge(began)

    def _judge(self, began: float) -> None:
        self._gone = frozenset(
            replica
            for replica, sign in self._signs.items()
            if sign.value == LEFT or began - sign.since >= self._lease
        )
        self.has_watched_a_lease = began - self._watched_from >= self._lease

    def miss(self) -> None:
        """Nothing could be seen: nobody has been silent so far."""
        self._looked = None

    def alive(self) -> Mapping[str, str]:
        """The others that are not gone, each with its last sign."""
        return {
            replica: sign.value
            for replica, sign in self._signs.items()
            if replica not in self._gone
        }

    def gone(self) -> Collection[str]:
        return self._gone

    def is_gone(self, replica: str) -> bool:
        if replica != self._me and replica not in self._signs:  # of whom is asked is looked for
            since = math.inf if self._looked is None else self._looked
            self._signs[replica] = Sign(MISSING, since)
        return replica in self._gone

    def drop(self, replicas: Iterable[str]) -> None:
        """Nothing is left of these."""
        for replica in replicas:
            self._signs.pop(replica, None)
        self._gone &= self._signs.keys()
