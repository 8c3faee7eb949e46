"""Exemptions: states of a cluster in which a check is left out, each by its name.

An exemption is either a defect, and goes when the defect is mended, or a limit that docs/limits.md
states.
"""

from enum import StrEnum
from typing import Final

from legato.prove.world import LEASE

GRACE: Final = LEASE / 2
"""Seconds after which a replica that is back knows everything it missed."""


class Exemption(StrEnum):
    TOLD_AGAIN = "told again"
    """After the shared storage forgot everything, no replica is lost until GRACE is over.  A limit:
    a job that the storage lost, and whose only replica dies before announcing the job again, is
    nowhere."""

    ALL_IN_REACH = "all in reach"
    """The shared storage loses everything, or the last writes, only while all replicas with these
    writes are in reach, nothing was deleted, and no job was taken over.  A limit: a job unknown to
    every living replica is nowhere, a deletion unknown to a standby is undone, and of two replicas
    that took the same job over the later one is its owner."""

    BACK = "back"
    """For GRACE a replica that is back may act on what was true before."""

    AWAY = "away"
    """A replica that is cut off may go on with a job that has a new owner by now, and keep the
    replica's own clients waiting."""

    PARKED = "parked"
    """An agent's run may be ended, though accepted, once the shared storage forgot everything.  A
    limit: a parked run is only a log there."""

    UNSAVED = "unsaved"
    """A Stop that was answered with an unsaved ending may be followed by a different ending."""


ALL: Final = frozenset(Exemption)
