"""API keys in memory: gone with the process."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from legato.storage.contracts.keys import ApiKey


class MemoryApiKeys:
    """Every method is one checkpoint and then a single step: nobody sees half a change."""

    def __init__(self, enter: Callable[..., Awaitable[None]]) -> None:
        """`enter` is awaited at the start of each method, with its arguments, and may refuse."""
        self._enter = enter
        self._keys: dict[str, ApiKey] = {}

    async def add(self, key: ApiKey) -> None:
        await self._enter(key)
        self._keys[key.id] = key

    async def find(self, digest: str) -> ApiKey | None:
        await self._enter(digest)
        return next((key for key in self._keys.values() if key.digest == digest), None)

    async def get(self, key_id: str) -> ApiKey | None:
        await self._enter(key_id)
        return self._keys.get(key_id)

    async def of_user(self, user: str) -> Sequence[ApiKey]:
        await self._enter(user)
        owned = [key for key in self._keys.values() if key.user == user]
        return sorted(owned, key=lambda key: (key.created_at, key.id))

    async def every(self) -> Sequence[ApiKey]:
        await self._enter()
        return sorted(self._keys.values(), key=lambda key: (key.user, key.created_at, key.id))

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        await self._enter(*uses)
        for key_id in uses.keys() & self._keys.keys():
            key, used_at = self._keys[key_id], uses[key_id]
            if key.last_used_at is None or key.last_used_at < used_at:
                self._keys[key_id] = replace(key, last_used_at=used_at)

    async def delete(self, key_id: str) -> bool:
        await self._enter(key_id)
        return self._keys.pop(key_id, None) is not None

    async def delete_expired(self, now: datetime) -> None:
        await self._enter()
        self._keys = {
            key.id: key
            for key in self._keys.values()
            if key.expires_at is None or key.expires_at > now
        }
