"""The contract for bans, and for the scores of violations that lead to bans."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct


class Ban(Struct, frozen=True, kw_only=True):
    """Before `until`, every request of `subject` is refused.

    `subject` is `user:` and an id, or `ip:` and an address or network.  `kind` is the kind of the
    violations that led to this ban, and `score` is their sum.
    """

    subject: str
    kind: str
    until: datetime
    score: int = 0


class Bans(Protocol):
    """Bans in force, and each subject's score of each kind of violation.

    Bans are a part of Records: errors and cancelling are the same.
    """

    async def blame(
        self, subjects: Sequence[str], kind: str, score: int, *, lifetime: timedelta
    ) -> Sequence[int]:
        """Raise each subject's score of this kind by `score`, in one step, and return all scores.

        A score begins at 0 again after a `lifetime` without a raise.
        """
        ...

    async def ban(self, bans: Sequence[Ban]) -> None:
        """Store these bans; a subject's former ban stays where its end is later."""
        ...

    async def in_force(self, *, limit: int) -> Sequence[Ban]:
        """The bans in force, the latest end first."""
        ...

    async def lift(self, subject: str) -> bool:
        """End the subject's ban, and forget its violations; False where there was no ban."""
        ...
