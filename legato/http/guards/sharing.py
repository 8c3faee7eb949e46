"""The state that the guards of all replicas share: in Redis, where Redis is configured."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from legato.config import Settings
from legato.storage.breaker import watched
from legato.storage.clock import Clock, utc_now
from legato.storage.contracts.bans import Bans
from legato.storage.contracts.errors import StorageError
from legato.storage.rate_windows import MemoryWindows, Windows


class Shared(Struct, frozen=True):
    windows: Windows
    bans: Bans


@asynccontextmanager
async def open_shared(
    settings: Settings, bans: Bans, *, clock: Clock = utc_now
) -> AsyncIterator[Shared]:
    """`bans` are the database's.

    Raises:
        StorageError: if Redis is configured and the package for Redis is missing.
    """
    if settings.redis_url is None:
        yield Shared(MemoryWindows(lambda: clock().timestamp()), bans)
        return
    try:
        from legato.storage.redis import shared_guards
    except ModuleNotFoundError as error:
        missing = f"Redis needs the package {error.name}: in a checkout, pip install '.[redis]'"
        raise StorageError(f"LEGATO_REDIS_URL: {missing}") from error
    prefix = settings.redis_prefix
    async with (
        shared_guards.open_shared(settings.redis_url, bans, prefix=prefix, clock=clock) as there,
        watched(there.watch),
    ):
        yield Shared(there.windows, there.bans)
