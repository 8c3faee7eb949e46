"""Violations counted as scores, and bans for high scores."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import structlog

from legato.config import Guards as GuardSettings
from legato.http.guards.bans import BanList
from legato.http.guards.contract import RequestInfo
from legato.http.guards.outage import Outage
from legato.storage.clock import Clock
from legato.storage.contracts.bans import Ban, Bans

Kind = Literal[
    "message_limit",
    "concurrent",
    "non_browser",
    "illegal_model",
    "convo_access",
    "logins",
    "writes",
    "reads",
]

log = structlog.get_logger()


class Violations:
    """Counts violations for the user and for the address, and bans either by a separate sum."""

    def __init__(
        self, settings: GuardSettings, bans: Bans, ban_list: BanList, clock: Clock
    ) -> None:
        self._bans = bans
        self._ban_list = ban_list
        self._clock = clock
        self._interval = settings.ban_score
        self._duration = timedelta(seconds=settings.ban_duration)
        self._lifetime = timedelta(seconds=settings.score_lifetime)
        self._scores: Mapping[Kind, int] = {
            "message_limit": settings.score_message_limit,
            "concurrent": settings.score_concurrent,
            "non_browser": settings.score_non_browser,
            "illegal_model": settings.score_illegal_model,
            "convo_access": settings.score_convo_access,
            "logins": settings.score_logins,
            "writes": settings.score_writes,
            "reads": settings.score_reads,
        }
        self._outage = Outage("violations cannot be counted")

    async def note(self, info: RequestInfo, kind: Kind, **facts: Any) -> Mapping[str, Any]:
        """Count a violation, ban where the sum is too high, and return the facts for the client."""
        score = self._scores[kind]
        violation = {"type": kind, **facts, "score": score}
        if self._interval is None or score == 0:
            return violation
        with self._outage.tolerated():
            violation |= await self._count(info, kind, score, self._interval)
        return violation

    async def _count(
        self, info: RequestInfo, kind: Kind, score: int, interval: int
    ) -> Mapping[str, Any]:
        subjects = info.subjects
        sums = await self._bans.blame(subjects, kind, score, lifetime=self._lifetime)
        now = self._clock()
        bans = [
            Ban(subject=subject, kind=kind, until=now + self._duration, score=count)
            for subject, count in zip(subjects, sums, strict=True)
            if count // interval > (count - score) // interval
        ]
        told = {
            "prev_count": sums[-1] - score,
            "violation_count": sums[-1],
            "date": now.isoformat().replace("+00:00", "Z"),
        }
        if not bans:
            return told
        await self._ban_list.add(bans)
        log.warning("banned", subjects=[ban.subject for ban in bans], kind=kind)
        return told | {"ban": True, "ban_duration": self._duration // timedelta(milliseconds=1)}
