"""Limits on how often a client may ask."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import TYPE_CHECKING

from limits import RateLimitItem, parse_many

from legato.config import Guards as GuardSettings
from legato.config.guards import OFF
from legato.http.guards.contract import Headers, RequestInfo
from legato.http.guards.denials import TooFast
from legato.http.guards.outage import Outage
from legato.storage.rate_windows import RateWindow, Windows

if TYPE_CHECKING:
    from legato.http.guards.violations import Kind, Violations

Rates = Sequence[RateLimitItem]


class RateLimits:
    """Rates of starts, of calls of the APIs, of writes, of reads, and of bad credentials.

    While the counters cannot be reached, everything passes.
    """

    def __init__(self, settings: GuardSettings, windows: Windows, violations: "Violations") -> None:
        self._starts_per_ip = rates_of(settings.starts_per_ip)
        self._starts_per_user = rates_of(settings.starts_per_user)
        self._calls_per_key = rates_of(settings.calls_per_key)
        self._writes_per_user = rates_of(settings.writes_per_user)
        self._reads_per_user = rates_of(settings.reads_per_user)
        self._failures_per_ip = rates_of(settings.failures_per_ip)
        self._windows = windows
        self._violations = violations
        self._outage = Outage("rates cannot be counted; everything passes")

    async def check(self, info: RequestInfo) -> Headers:
        """Raises TooFast."""
        hits = [
            await self._hit(info, kind_of(info), limiter, who, rates)
            for limiter, who, rates in self._counted(info)
            if rates
        ]
        windows = [window for window in hits if window]
        return told(min(windows, key=lambda window: window.remaining)) if windows else {}

    async def failed(self, info: RequestInfo) -> None:
        """Count bad credentials; raises TooFast."""
        if self._failures_per_ip:
            who = f"failures/{info.from_ip}"
            await self._hit(info, "logins", "ip", who, self._failures_per_ip)

    def _counted(self, info: RequestInfo) -> Iterator[tuple[str, str, Rates]]:
        """The counters that this request adds to: the limiter, the subject, and the rates."""
        if info.generates:  # at every API alike, or many keys would be many users
            yield "ip", f"starts/{info.from_ip}", self._starts_per_ip
            yield "user", f"starts/{info.subjects[-1]}", self._starts_per_user
        if info.is_call:
            yield "key", f"calls/{info.caller}", self._calls_per_key
        if info.is_write:
            yield "user", f"writes/{info.subjects[-1]}", self._writes_per_user
        if info.is_read:
            yield "user", f"reads/{info.subjects[-1]}", self._reads_per_user

    async def _hit(
        self, info: RequestInfo, kind: "Kind", limiter: str, who: str, rates: Rates
    ) -> RateWindow | None:
        """The window after this request; None where the counters cannot be reached."""
        window = await self._count(rates, who)
        if window and not window.passed:
            violation = await self._violations.note(
                info, kind, max=window.limit, limiter=limiter, windowInMinutes=window.seconds / 60
            )
            message = f"Found more than {window.limit} in {window.seconds} seconds."
            retry = {"Retry-After": str(ceil(window.reset))}
            raise TooFast(message, violation, {**told(window), **retry})
        return window

    async def _count(self, rates: Rates, who: str) -> RateWindow | None:
        with self._outage.tolerated():
            return await self._windows.hit(rates, who)
        return None


def kind_of(info: RequestInfo) -> "Kind":
    if info.is_read:
        return "reads"
    return "writes" if info.is_write else "message_limit"


def rates_of(text: str | None) -> Rates:
    return parse_many(text) if text and text != OFF else ()


def told(window: RateWindow) -> Headers:
    """Headers of draft-ietf-httpapi-ratelimit-headers-06, the last draft that clients know."""
    return {
        "RateLimit-Limit": str(window.limit),
        "RateLimit-Remaining": str(window.remaining),
        "RateLimit-Reset": str(ceil(window.reset)),
        "RateLimit-Policy": f"{window.limit};w={window.seconds}",
    }
