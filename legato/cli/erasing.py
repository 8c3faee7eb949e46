"""The command `legato erase`: removes everything stored for one user."""

from collections.abc import Iterator, Sequence
from typing import Final

from legato.config import ConfigError, Settings
from legato.http.guards.addresses import user_subject
from legato.http.guards.bans import MAX_BANS
from legato.http.guards.sharing import open_shared
from legato.storage.address import parse_address
from legato.storage.clock import Clock, utc_now
from legato.storage.contracts.bans import Ban
from legato.storage.contracts.erasure import Erased, Erasure, total
from legato.storage.contracts.errors import StorageError
from legato.storage.open import open_storage

STEP: Final = 16
"""Conversations a step, between which a running server writes."""

KINDS: Final = (
    ("conversation", "conversations"),
    ("message", "messages"),
    ("response", "responses"),
    ("API key", "API keys"),
    ("score of violations", "scores of violations"),
    ("generation in the journal", "generations in the journal"),
    ("agent", "agents"),
    ("version of an agent", "versions of agents"),
    ("share of an agent", "shares of agents"),
)
"""The names of Erased's fields, for one and for many."""


class StillRunning(Exception):
    """Generations of the user run, and would be stored again.  The message is for people."""


async def erase(settings: Settings, user: str, *, clock: Clock = utc_now) -> str:
    """Remove everything stored for a user, and report in lines what was removed and what is left.

    Raises:
        ConfigError, StorageError: where the storage cannot be used from here.
        StillRunning: if a generation of the user runs; nothing was removed.
    """
    if parse_address(settings.database_url) is None:
        raise ConfigError(
            "LEGATO_DATABASE_URL: found one in memory, which only its server can see; "
            "allowed: a file or a server"
        )
    async with open_storage(settings.database_url, clock=clock) as storage:
        await _require_rest(settings, storage.erasure, user)
        erased = await _erase_all(storage.erasure, user)
        async with open_shared(settings, storage.records.bans, clock=clock) as shared:
            bans = await shared.bans.in_force(limit=MAX_BANS)
    return "\n".join([_said(user, erased), *_left(settings, user, bans)])


async def _require_rest(settings: Settings, erasure: Erasure, user: str) -> None:
    """Raises StillRunning."""
    running = await erasure.running(user) + len(await _running_in_redis(settings, user))
    if running:
        raise StillRunning(
            f"running generations of {user!r}: found {running}, so nothing was erased.  Keep the "
            "user out (`legato bans add --user`), let them end, and give the command again"
        )


async def _running_in_redis(settings: Settings, user: str) -> Sequence[str]:
    if settings.redis_url is None:
        return ()
    try:
        from legato.storage.redis.running import running
    except ModuleNotFoundError as error:
        missing = f"Redis needs the package {error.name}: in a checkout, pip install '.[redis]'"
        raise StorageError(f"LEGATO_REDIS_URL: {missing}") from error
    return await running(settings.redis_url, settings.redis_prefix, user)


async def _erase_all(erasure: Erasure, user: str) -> Erased:
    steps = []
    while any(step := await erasure.erase(user, most=STEP)):
        steps.append(step)
    return total(steps)


def _said(user: str, erased: Erased) -> str:
    if not any(erased):
        return f"Nothing was stored of {user!r}."
    found = [
        f"{number} {one if number == 1 else many}"
        for number, (one, many) in zip(erased, KINDS, strict=True)
    ]
    return f"Erased of {user!r}: {', '.join(found)}."


def _left(settings: Settings, user: str, bans: Sequence[Ban]) -> Iterator[str]:
    for ban in bans:
        if ban.subject == user_subject(user):
            yield f"A ban stays until {ban.until:%Y-%m-%dT%H:%M:%SZ}, or until it is lifted."
    if settings.redis_url is not None or settings.workers > 1:
        seconds = f"{settings.limits.retention:g}"
        yield f"Redis forgets ended generations by itself, {seconds} s after their ending."
