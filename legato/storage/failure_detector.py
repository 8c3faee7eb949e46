"""Tells which replicas live from signs of life, which stop changing.  Pure: time is handed in."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

LEFT: Final = "left"
"""The sign of a replica after leaving."""

MISSING: Final = ""
"""The sign of a replica that never gave a sign."""


class Sign(NamedTuple):
    """A replica's sign, and the earliest moment since which the sign has not changed."""

    value: str
    since: float


class FailureDetector:
    """One replica's view of the other replicas.

    Only this process's own clock is compared, and only with itself, so nobody's clock has to be
    right.  A time without a successful look counts for nobody's death.  A replica that is gone
    stays gone until its next sign.
    """

    def __init__(self, me: str, lease: float) -> None:
        self._me = me
        self._lease = lease
        self._signs: dict[str, Sign] = {}
        self._gone: frozenset[str] = frozenset()
        self._looked: float | None = None
        self._watched_from = math.inf
        self.has_watched_a_lease = False
        """Whether every look in the last lease succeeded in time: then all living replicas were
        seen."""

    def look(self, signs: Mapping[str, str], began: float, ended: float) -> None:
        """Take in everybody's `signs`, seen between these two moments.

        A replica missing in `signs` counts as silent, like a replica with an unchanged sign.
        """
        # After a failed look, or a late look because this process was paused, the others may have
        # given signs unseen, or may have been kept from giving signs as well.
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
        """Note a failed look: from now on nobody counts as silent so far."""
        self._looked = None

    def alive(self) -> Mapping[str, str]:
        """The other replicas that are not gone, each with its last sign."""
        return {
            replica: sign.value
            for replica, sign in self._signs.items()
            if replica not in self._gone
        }

    def gone(self) -> Collection[str]:
        return self._gone

    def is_gone(self, replica: str) -> bool:
        # a replica that is asked about is watched
        if replica != self._me and replica not in self._signs:
            since = math.inf if self._looked is None else self._looked
            self._signs[replica] = Sign(MISSING, since)
        return replica in self._gone

    def drop(self, replicas: Iterable[str]) -> None:
        """Forget these replicas, of which the storage has nothing left."""
        for replica in replicas:
            self._signs.pop(replica, None)
        self._gone &= self._signs.keys()
