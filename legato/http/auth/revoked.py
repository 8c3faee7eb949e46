"""A copy of the revoked sessions and tokens, which a task keeps fresh."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import trio

from legato.http.auth.tokens import LEEWAY, Unauthorized, User
from legato.http.guards.outage import Outage
from legato.storage.contracts.revocations import Revocation, Revocations

REFRESH: Final = 2.0
"""Seconds after which another process's revocation is known here."""

Known = Mapping[tuple[str, str | None], Revocation]


class RevocationList:
    """A process's copy of the revocations.  While reading fails, the known revocations hold."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations
        self._known: Known = {}
        self._made = 0  # by this process
        self._outage = Outage("revocations cannot be read; those that are known hold")

    def check(self, user: User) -> None:
        """Raises Unauthorized where the user's token or session was revoked."""
        if self._is_before(user, self._known.get((user.id, None))):
            raise Unauthorized("all that was issued to this user so far was revoked; log in again")
        if user.session and self._is_before(user, self._known.get((user.id, user.session))):
            raise Unauthorized("the session was logged out; log in again")

    @staticmethod
    def _is_before(user: User, revocation: Revocation | None) -> bool:
        # A token without a time of issue may be as old as any.
        issued_at = user.issued_at or 0.0
        return revocation is not None and issued_at < revocation.before.timestamp()

    async def log_out(self, user: User) -> None:
        """End that user's session: here from now on, elsewhere after REFRESH.

        Raises:
            StorageError
        """
        assert user.session is not None, "only a session can be logged out of"
        left = max(0.0, (user.until or 0.0) - (user.issued_at or 0.0)) + LEEWAY
        revocation = await self._revocations.revoke_session(
            user.id, user.session, lifetime=timedelta(seconds=left)
        )
        # A reading that began before has not seen this revocation: `read` compares `_made`.
        self._made += 1
        self._known = {**self._known, (user.id, revocation.session): revocation}

    async def read(self) -> None:
        """Read the stored revocations.  Raises StorageError."""
        made = self._made
        found = await self._revocations.in_force()
        if made == self._made:
            self._known = {(each.user, each.session): each for each in found}

    async def keep_fresh(self) -> None:
        """Read the revocations again and again, for ever, so no request waits for a reading."""
        while True:
            await trio.sleep(REFRESH)
            with self._outage.tolerated():
                await self.read()


@asynccontextmanager
async def open_revocation_list(revocations: Revocations) -> AsyncIterator[RevocationList]:
    """A list that is complete from the beginning, and kept fresh until the block ends.

    Raises:
        StorageError
    """
    known = RevocationList(revocations)
    await known.read()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(known.keep_fresh)
        yield known
        nursery.cancel_scope.cancel()
