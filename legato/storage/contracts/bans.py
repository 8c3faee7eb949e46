"""Who is banned, and what speaks against whom: the contract."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct


class Ban(Struct, frozen=True, kw_only=True):
    """Before `until`, nothing that `subject` asks for is served.

    `subject` is `user:` and an id, or `ip:` and an address or network.  `kind` is that of the
    violations that led to it, `score` what they had come to.
    """

    subject: str
    kind: str
    until: datetime
    score: int = 0


class Bans(Protocol):
    """Who is banned, and what violations of each kind have come to.

    Errors and cancelling are as with Records, whose part this is.
    """

    async def blame(
        self, subjects: Sequence[str], kind: str, score: int, *, lifetime: timedelta
    ) -> Sequence[int]:
        """Raise each subject's score of that kind by `score`, in one step, and return all.

        A score that was not raised for its `lifetime` begins at 0 again.
        """
        ...

    async def ban(self, bans: Sequence[Ban]) -> None:
        """A subject's former ban is replaced, unless it lasts longer."""
        ...

    async def in_force(self, *, limit: int) -> Sequence[Ban]:
        """Those that have not run out, the longest first."""
        ...

    async def lift(self, subject: str) -> bool:
        """End its ban, and forget its violations; False where it was not banned."""
        ...
