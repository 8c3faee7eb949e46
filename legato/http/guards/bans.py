"""Bans, looked up at every request, so from a copy."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from legato.http.guards.denials import BANNED, Banned
from legato.http.guards.outage import Outage
from legato.storage.clock import Clock
from legato.storage.contracts.bans import Ban, Bans

REFRESH: Final = timedelta(seconds=5)
"""A ban, or its lifting, is known at every replica after this time, at the first request."""

MAX_BANS: Final = 10_000  # of 300 bytes each; of more bans, the first to end are left out


class BanList:
    """A copy of the bans in force, read again at a use when older than REFRESH.

    While reading fails, known bans stay in force until each ban's end.
    """

    def __init__(self, bans: Bans, clock: Clock) -> None:
        self._bans = bans
        self._clock = clock
        self._read_at: datetime | None = None
        self._known: Mapping[str, Ban] = {}
        self._outage = Outage("bans cannot be read; those that are known hold")

    async def check(self, subject: str) -> None:
        """Raises Banned."""
        ban = await self.find([subject])
        if ban is None:
            return
        left = ban.until - self._clock()
        raise Banned(
            BANNED,
            {
                "type": "ban",
                "violation_count": ban.score,
                "duration": left // timedelta(milliseconds=1),
                "expiresAt": int(ban.until.timestamp() * 1000),
            },
            {"Retry-After": str(1 + left // timedelta(seconds=1))},
        )

    async def find(self, subjects: Sequence[str]) -> Ban | None:
        """The ban of these subjects that ends last; None without a ban."""
        now = self._clock()
        if self._read_at is None:  # the first request waits: without a reading no ban is known
            await self._read()
            self._read_at = now
        elif not timedelta() <= now - self._read_at < REFRESH:
            self._read_at = now  # before the reading, so requests meanwhile use the former copy
            await self._read()
        found = [ban for each in subjects if (ban := self._known.get(each)) and ban.until > now]
        return max(found, key=lambda ban: ban.until, default=None)

    async def add(self, bans: Sequence[Ban]) -> None:
        """Add bans, which hold at once in this process."""
        await self._bans.ban(bans)
        await self._read()

    async def _read(self) -> None:
        with self._outage.tolerated():
            self._known = {ban.subject: ban for ban in await self._bans.in_force(limit=MAX_BANS)}
