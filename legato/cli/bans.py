"""The command `legato bans`: bans by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from legato.config import ConfigError, Settings
from legato.http.guards.addresses import ip_subject, parse_address, user_subject
from legato.http.guards.bans import MAX_BANS
from legato.http.guards.sharing import open_shared
from legato.storage import address
from legato.storage.clock import Clock, utc_now
from legato.storage.contracts.bans import Ban, Bans
from legato.storage.open import open_records

MANUAL: Final = "manual"


def subject_of(user: str | None, ip: str | None) -> str:
    """Raises ConfigError where `ip` is no address."""
    if user is not None:
        return user_subject(user)
    if parse_address(ip or "") is None:
        raise ConfigError(f"--ip: found {ip!r:.80}; allowed: an IPv4 or IPv6 address")
    return ip_subject(ip or "")


async def list_bans(settings: Settings, *, clock: Clock = utc_now) -> str:
    """A line for each ban: subject, end, kind and score of the violations; the latest end first."""
    async with _open(settings, clock) as bans:
        found = await bans.in_force(limit=MAX_BANS)
    lines = [f"{b.subject}\t{b.until:%Y-%m-%dT%H:%M:%SZ}\t{b.kind}\t{b.score}" for b in found]
    return "\n".join(lines)


async def add_ban(
    settings: Settings, subject: str, seconds: float | None, *, clock: Clock = utc_now
) -> str:
    """Ban for `seconds`, or for `ban_duration`, as violations are punished."""
    duration = timedelta(seconds=seconds or settings.guards.ban_duration)
    async with _open(settings, clock) as bans:
        ban = Ban(subject=subject, kind=MANUAL, until=clock() + duration)
        await bans.ban([ban])
    return f"{subject} is banned until {ban.until:%Y-%m-%dT%H:%M:%SZ}."


async def lift_ban(settings: Settings, subject: str, *, clock: Clock = utc_now) -> str:
    async with _open(settings, clock) as bans:
        lifted = await bans.lift(subject)
    return f"{subject} is no longer banned." if lifted else f"{subject} was not banned."


@asynccontextmanager
async def _open(settings: Settings, clock: Clock) -> AsyncIterator[Bans]:
    """Open the bans; raises ConfigError where no other process could see a change made here."""
    if settings.redis_url is None and address.parse_address(settings.database_url) is None:
        raise ConfigError("database_url: bans in memory are those of the server's process alone")
    async with (
        open_records(settings.database_url, clock=clock) as records,
        open_shared(settings, records.bans, clock=clock) as shared,
    ):
        yield shared.bans
