"""The contract for API keys, of which only a digest is stored."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

Scope = Literal["chat_completions", "models", "responses"]


class ApiKey(Struct, frozen=True, kw_only=True):
    """An API key without its secret.  `digest` is the key's SHA-256, in hex; times are aware."""

    id: str
    user: str
    name: str
    digest: str
    prefix: str  # the key's first characters, by which people tell their keys apart
    scopes: tuple[Scope, ...]
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime | None = None


class ApiKeys(Protocol):
    """All users' API keys.  ApiKeys are a part of Records: errors and cancelling are the same."""

    async def add(self, key: ApiKey) -> None:
        """Keep a new key, whose id and digest no other key has."""
        ...

    async def find(self, digest: str) -> ApiKey | None:
        """The key with this digest, expired or not."""
        ...

    async def get(self, key_id: str) -> ApiKey | None: ...

    async def of_user(self, user: str) -> Sequence[ApiKey]:
        """This user's keys, the oldest first."""
        ...

    async def every(self) -> Sequence[ApiKey]:
        """All users' keys, by user and then the oldest first."""
        ...

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Note when keys, by their ids, were used last.

        A time before the noted time changes nothing, and a key that is gone is passed over.
        """
        ...

    async def delete(self, key_id: str) -> bool:
        """Delete a key; False where there was none."""
        ...

    async def delete_expired(self, now: datetime) -> None:
        """Delete the keys that expired before `now`."""
        ...
