"""Bans in memory, gone with the process."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from legato.storage.clock import Clock
from legato.storage.contracts.bans import Ban


class _Score(NamedTuple):
    score: int
    until: datetime


class MemoryBans:
    """Bans of MemoryRecords; every method begins with the records' `enter`."""

    def __init__(self, enter: Callable[..., Awaitable[None]], clock: Clock) -> None:
        self._enter = enter
        self._clock = clock
        self._bans: dict[str, Ban] = {}
        self._scores: dict[tuple[str, str], _Score] = {}

    async def blame(
        self, subjects: Sequence[str], kind: str, score: int, *, lifetime: timedelta
    ) -> Sequence[int]:
        await self._enter(subjects, kind)
        now = self._sweep()
        for subject in subjects:
            before = self._scores.get((subject, kind), _Score(0, now)).score
            self._scores[subject, kind] = _Score(before + score, now + lifetime)
        return [self._scores[subject, kind].score for subject in subjects]

    async def ban(self, bans: Sequence[Ban]) -> None:
        await self._enter(bans)
        self._sweep()
        for ban in bans:
            former = self._bans.get(ban.subject, ban)
            self._bans[ban.subject] = max(ban, former, key=lambda each: each.until)

    async def in_force(self, *, limit: int) -> Sequence[Ban]:
        await self._enter()
        self._sweep()
        return sorted(self._bans.values(), key=lambda ban: (-ban.until.timestamp(), ban.subject))[
            :limit
        ]

    async def lift(self, subject: str) -> bool:
        await self._enter(subject)
        self._sweep()
        self._scores = {key: s for key, s in self._scores.items() if key[0] != subject}
        return self._bans.pop(subject, None) is not None

    def forget(self, subject: str) -> int:
        """Forget the subject's violations, and return how many kinds there were."""
        before = len(self._scores)
        self._scores = {key: score for key, score in self._scores.items() if key[0] != subject}
        return before - len(self._scores)

    def _sweep(self) -> datetime:
        """Remove expired bans and scores, and return the time of this."""
        now = self._clock()
        self._bans = {key: ban for key, ban in self._bans.items() if ban.until > now}
        self._scores = {key: score for key, score in self._scores.items() if score.until > now}
        return now
