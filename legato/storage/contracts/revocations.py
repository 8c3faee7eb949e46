"""The contract for sessions and tokens refused before their expiry."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec import Struct

MAX_SESSIONS: Final = 100
"""Revocations of single sessions of a user: more logouts in a day are deliberate, and the rows
would burden everybody.  The next revokes all of the user's sessions."""


class Revocation(Struct, frozen=True, kw_only=True):
    """Sessions and tokens issued to `user` before `before` are refused; times are aware.

    `session` is the single revoked session; None stands for all sessions and tokens.  From `until`
    on, the revoked sessions and tokens have expired anyway; None is never.
    """

    user: str
    before: datetime
    session: str | None = None
    until: datetime | None = None


class Revocations(Protocol):
    """All users' revocations, a part of Records: errors and cancelling are the same.

    A revocation counts from the moment at which it is stored, by storage's clock, which no caller
    has to know; a later revocation never takes back an earlier.
    """

    async def revoke_user(self, user: str) -> Revocation:
        """Revoke all sessions and tokens that were issued to this user up to now."""
        ...

    async def revoke_session(self, user: str, session: str, *, lifetime: timedelta) -> Revocation:
        """Revoke one session, which lasts no longer than `lifetime` from now.

        Where MAX_SESSIONS of the user are revoked already, all of the user's sessions and tokens
        are.
        """
        ...

    async def in_force(self) -> Sequence[Revocation]:
        """All revocations whose `until` is still to come, in no order."""
        ...
