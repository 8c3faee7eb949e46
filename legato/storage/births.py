"""How whole the directory is: absence counts once all replicas have told their jobs.

The shared storage has a birth: a random token, made by the first replica to find none, and lost
when everything is lost.  A sign of life names the birth for which its replica has told all.  Pure:
the clock is handed in.
"""

import math
from collections.abc import Collection, Mapping
from secrets import token_hex
from typing import Final

from msgspec import Struct

from legato.storage.contracts.replication import IncompleteDirectory
from legato.storage.failure_detector import FailureDetector

_LEAVING: Final = " leaving"


class Look(Struct, frozen=True):
    """The shared storage as it was looked at.

    `is_whole`: a replica found that all have told their jobs.
    """

    birth: str
    is_whole: bool
    signs: Mapping[str, str]


def new_birth() -> str:
    return token_hex(8)


class Births:
    """One replica's knowledge of the storage's births, and of the replicas that have to tell.

    Say A and B have jobs, and the storage loses all.  A sees the new birth, tells its jobs, and
    knows of B: until B's sign names this birth, or B's lease is over, a conversation without a job
    may have one.  Then A marks the birth as whole.  C joins meanwhile and knows nobody: C waits for
    the mark, or watches for a lease which replicas give signs.
    """

    def __init__(self, me: str, lease: float) -> None:
        self.signs = FailureDetector(me, lease)
        self.birth = ""  # the birth of the last look
        self.whole = ""  # the last birth that was known to be whole
        self.lease = lease
        self._told = ""  # the birth for which this replica has told all
        self._is_leaving = False  # whether this replica is about to leave
        self._knows_all = False
        self._looked = -math.inf

    def look(self, seen: Look, began: float, ended: float) -> bool:
        """Take in a look from `began` to `ended`; False where the birth is not the last look's."""
        self.signs.look(seen.signs, began, ended)
        is_same = self.birth in ("", seen.birth)
        if not self.birth:
            self._told = seen.birth  # a new replica has nothing to tell
        self.birth = seen.birth
        # A short time without sight does not forget the others: the server that lost all was away.
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
        """The living replicas, without those about to leave."""
        signs = self.signs.alive()
        return [replica for replica, sign in signs.items() if not sign.endswith(_LEAVING)]

    @property
    def words(self) -> str:
        """The end of this replica's next sign, after its count.

        The words are the birth for which the replica has told all, and whether the replica is
        leaving.
        """
        return self._told + (_LEAVING if self._is_leaving else "")

    def _have_all_told(self) -> bool:
        others = self.signs.alive().values()
        return self._told == self.birth and all(_told_for(sign) == self.birth for sign in others)


def sign(count: int, words: str) -> str:
    return f"{count} {words}"


def _told_for(sign: str) -> str:
    return sign.removesuffix(_LEAVING).partition(" ")[2]
