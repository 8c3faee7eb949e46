"""Revocations in memory, gone with the process."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from legato.storage.clock import Clock
from legato.storage.contracts.revocations import MAX_SESSIONS, Revocation


class MemoryRevocations:
    """Revocations of MemoryRecords; every method begins with the records' `enter`."""

    def __init__(self, enter: Callable[..., Awaitable[None]], clock: Clock) -> None:
        self._enter = enter
        self._clock = clock
        self._revoked: dict[tuple[str, str | None], Revocation] = {}

    async def revoke_user(self, user: str) -> Revocation:
        await self._enter(user)
        return self._revoke_user(user)

    async def revoke_session(self, user: str, session: str, *, lifetime: timedelta) -> Revocation:
        await self._enter(user, session)
        self._sweep()
        others = [key for key in self._revoked if key[0] == user and key[1] not in (None, session)]
        if len(others) >= MAX_SESSIONS:
            return self._revoke_user(user)
        now = self._clock()
        revocation = Revocation(user=user, session=session, before=now, until=now + lifetime)
        self._revoked[user, session] = revocation
        return revocation

    async def in_force(self) -> Sequence[Revocation]:
        await self._enter()
        self._sweep()
        return [*self._revoked.values()]

    def _revoke_user(self, user: str) -> Revocation:
        former = self._revoked.get((user, None))
        now = self._clock()
        before = max(now, former.before) if former else now  # clocks are set back
        self._revoked = {key: each for key, each in self._revoked.items() if key[0] != user}
        self._revoked[user, None] = Revocation(user=user, before=before)
        return self._revoked[user, None]

    def _sweep(self) -> None:
        """Remove expired revocations."""
        now = self._clock()
        self._revoked = {
            key: each
            for key, each in self._revoked.items()
            if each.until is None or each.until > now
        }
