"""Exemptions: states of a cluster in which a check does not look, each by its name.

Each is a defect of today, to be taken out once that is mended, or a limit that README states.
"""

from enum import StrEnum
from typing import Final

from legato.prove.world import LEASE

GRACE: Final = LEASE / 2
"""Seconds after which a replica that is back knows what it missed."""


class Exemption(StrEnum):
    TOLD_AGAIN = "told again"
    """After the shared storage forgot everything no replica is lost until GRACE is over.  A limit:
    what it lost, and who alone knew it did not live to tell again, is nowhere."""

    ALL_IN_REACH = "all in reach"
    """The shared storage forgets, or loses what it was told last, only while all replicas that told
    it are in reach, and nothing was deleted.  A limit: what nobody knows who lives is nowhere, and
    what a standby had not heard was deleted is there again."""

    BACK = "back"
    """For GRACE a replica that is back may act on what it missed."""

    AWAY = "away"
    """A replica that is cut off may go on with what is another's by now, and keep those waiting
    who ask there."""

    UNSAVED = "unsaved"
    """A Stop that is answered with an ending that is not saved may see another ending later."""


ALL: Final = frozenset(Exemption)
