"""How whole the directory is: what is absent from it counts once all have told what they own.

The shared storage has a birth: a random token, made by whoever first finds none, and lost with all
else.  A sign of life names the birth for which its replica has told all.  Pure: the clock is
handed in.
"""

import math
from collections.abc import Collection, Mapping
from secrets import token_hex
from typing import Final

from msgspec import Struct

from legato.storage.contracts.replicas import IncompleteDirectory
from legato.storage.failure_detector import FailureDetector

_LEAVING: Final = " leaving"


class Look(Struct, frozen=True):
    """The shared storage as it was looked at.  `is_whole`: somebody found that all have told."""

    birth: str
    is_whole: bool
    signs: Mapping[str, str]


def new_birth() -> str:
    return token_hex(8)


class Births:
    """One replica's knowledge of the storage's births, and of the others who have to tell.

    Say A and B have jobs, and the storage loses all.  A sees the new birth, tells its jobs, and
    knows of B: until B's sign names this birth, or B's lease is over, a conversation without a job
    may have one.  Then A marks the birth as whole.  C, which joins meanwhile, knows nobody: it
    waits for the mark, or watches for a lease who gives signs.
    """

    def __init__(self, me: str, lease: float) -> None:
        self.signs = FailureDetector(me, lease)
        self.birth = ""  # the last that was seen
        self.whole = ""  # which is known to be whole
        self.lease = lease
        self._told = ""  # for which this replica has told all
        self._is_leaving = False  # whether this replica is about to
        self._knows_all = False
        self._looked = -math.inf

    def look(self, seen: Look, began: float, ended: float) -> bool:
        """Whether the birth is the one that was seen last; looked at between these moments."""
        self.signs.look(seen.signs, began, ended)
        is_same = self.birth in ("", seen.birth)
        if not self.birth:
            self._told = seen.birth  # who begins has nothing to tell
        self.birth = seen.birth
        # Not seeing for a moment is no reason to start anew: the server that lost all was away.
        was_blind = began - self._looked >= self.lease
        self._looked = ended
        self._knows_all &= not was_blind
        self._knows_all |= seen.is_whole or self.signs.has_watched_a_lease
        if seen.is_whole or (self._knows_all and self._have_all_told()):
            self.whole = seen.birth
        return is_same

    def told(self) -> None:
        self._told = self.birth

    @property
    def is_whole(self) -> bool:
        return self.birth != "" and self.whole == self.birth

    def require_whole(self, found: str) -> None:
        """Raise IncompleteDirectory unless the birth that the storage has now is whole."""
        if not self.is_whole or found != self.birth:
            raise IncompleteDirectory(self.lease)

    def leaving(self) -> None:
        self._is_leaving = True

    def staying(self) -> Collection[str]:
        """Those who live, and did not say that they are about to leave."""
        signs = self.signs.alive()
        return [replica for replica, sign in signs.items() if not sign.endswith(_LEAVING)]

    @property
    def words(self) -> str:
        """The end of this replica's next sign, behind its count: the birth for which it has told
        all, and whether it is about to leave."""
        return self._told + (_LEAVING if self._is_leaving else "")

    def _have_all_told(self) -> bool:
        others = self.signs.alive().values()
        return self._told == self.birth and all(_told_for(sign) == self.birth for sign in others)


def sign(count: int, words: str) -> str:
    return f"{count} {words}"


def _told_for(sign: str) -> str:
    return sign.removesuffix(_LEAVING).partition(" ")[2]
