"""Lookup of API keys in storage, with a copy in memory for a moment."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import structlog
import trio
from msgspec import Struct

from legato.http.auth.api_keys import digest_of, is_key
from legato.http.auth.tokens import Unauthorized
from legato.storage.clock import Clock, utc_now
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.keys import ApiKey, ApiKeys

LIFE: Final = 10.0
"""Seconds for which a key is not looked up again.  A key that another process deleted may stay good
here for as long."""

KNOWN: Final = 1024  # keys that are remembered, the latest ones

USE_INTERVAL: Final = 60.0
"""Seconds between two writes of the times of use, which only people read, so coarse is enough."""

SWEEP_INTERVAL: Final = 3600.0  # seconds between two removals of expired keys

log = structlog.get_logger()


class _Known(Struct, frozen=True):
    key: ApiKey
    until: float  # of Trio's clock


class KeyRing:
    """A process's copy of the keys.  A key deleted through the ring is refused from then on."""

    def __init__(self, keys: ApiKeys, *, clock: Clock = utc_now) -> None:
        self._keys = keys
        self._clock = clock
        self._known: dict[str, _Known] = {}  # by digest, in order of arrival
        self._deletions = 0
        self._uses: dict[str, datetime] = {}  # not written yet, by id
        self._used = trio.Event()

    async def use(self, secret: str) -> ApiKey:
        """The key of a good secret; `write_uses` writes the time of use later.

        Raises:
            Unauthorized: where the key is unknown, deleted or expired.
            StorageError
        """
        key = await self._find(digest_of(secret)) if is_key(secret) else None
        if key is None:
            raise Unauthorized("the API key is not one of this server's, or was deleted")
        now = self._clock()
        if key.expires_at is not None and key.expires_at <= now:
            raise Unauthorized("the API key has expired")
        self._uses[key.id] = now
        self._used.set()
        return key

    async def delete(self, key_id: str) -> bool:
        """Delete a key; False where the storage has no such key."""
        deleted = await self._keys.delete(key_id)
        # A `_find` that is reading the key at this moment must not remember the key.
        self._deletions += 1
        self._known = {
            digest: known for digest, known in self._known.items() if known.key.id != key_id
        }
        return deleted

    async def _find(self, digest: str) -> ApiKey | None:
        known = self._known.get(digest)
        if known is not None and trio.current_time() < known.until:
            return known.key
        deletions = self._deletions
        key = await self._keys.find(digest)
        # The database compares in its own way; this comparison takes the same time for any digests.
        if key is None or not hmac.compare_digest(key.digest, digest):
            return None
        if deletions == self._deletions:
            self._remember(key)
        return key

    def _remember(self, key: ApiKey) -> None:
        self._known.pop(key.digest, None)
        if len(self._known) >= KNOWN:
            del self._known[next(iter(self._known))]
        self._known[key.digest] = _Known(key, trio.current_time() + LIFE)

    async def keep_uses(self) -> None:
        """Write when keys were used, now and then, for ever."""
        while True:
            await self._used.wait()
            await self.write_uses()
            await trio.sleep(USE_INTERVAL)

    async def write_uses(self) -> None:
        """Write the uses that are not written yet.  After a failure they stay for the next time."""
        self._used, uses = trio.Event(), self._uses.copy()
        try:
            await self._keys.note_uses(uses)
        except StorageError as error:
            log.warning("uses of API keys not noted", keys=len(uses), error=str(error))
        else:
            self._uses = dict(self._uses.items() - uses.items())

    async def sweep(self) -> None:
        """Remove expired keys, now and then, for ever."""
        while True:
            try:
                await self._keys.delete_expired(self._clock())
            except StorageError as error:
                log.warning("expired API keys not removed", error=str(error))
            await trio.sleep(SWEEP_INTERVAL)


@asynccontextmanager
async def open_key_ring(keys: ApiKeys, *, clock: Clock = utc_now) -> AsyncIterator[KeyRing]:
    """A key ring whose uses are written now and then, and once more at the end of the block."""
    ring = KeyRing(keys, clock=clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ring.keep_uses)
        nursery.start_soon(ring.sweep)
        yield ring
        nursery.cancel_scope.cancel()
    await ring.write_uses()
