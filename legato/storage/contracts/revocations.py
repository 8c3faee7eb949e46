"""Which sessions and tokens are not good any more, though they have not expired: the contract."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec import Struct

MAX_SESSIONS: Final = 100
"""Of one user that are revoked one by one: who logs out more often in a day does it on purpose,
and the rows would be everybody's.  One more, and all of theirs so far are."""


class Revocation(Struct, frozen=True, kw_only=True):
    """What was issued to `user` before `before` is refused; times are aware.

    `session` is the one session that it is about; None stands for all sessions and tokens.
    From `until` on, nothing that it is about can be good any more; None is never.
    """

    user: str
    before: datetime
    session: str | None = None
    until: datetime | None = None


class Revocations(Protocol):
    """All users' revocations.  Errors and cancelling are as with Records, whose part this is.

    A revocation counts from the moment at which it is stored, by storage's clock, which no caller
    has to know; and no later one takes an earlier one back.
    """

    async def revoke_user(self, user: str) -> Revocation:
        """Everything that was issued to that user up to now."""
        ...

    async def revoke_session(self, user: str, session: str, *, lifetime: timedelta) -> Revocation:
        """That session, which lasts no longer than `lifetime` from now.

        Where MAX_SESSIONS of the user are revoked already, everything that they have.
        """
        ...

    async def in_force(self) -> Sequence[Revocation]:
        """All whose `until` is still to come, in no order."""
        ...
