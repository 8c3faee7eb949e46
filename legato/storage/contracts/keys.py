"""What storage promises about API keys: it never has one, only what tells that it is the one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

Scope = Literal["chat_completions", "models", "responses"]


class ApiKey(Struct, frozen=True, kw_only=True):
    """Everything about a key but the key.  `digest` is its SHA-256, in hex; times are aware."""

    id: str
    user: str
    name: str
    digest: str
    prefix: str  # its first characters, by which people tell their keys apart
    scopes: tuple[Scope, ...]
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime | None = None


class ApiKeys(Protocol):
    """All users' API keys.  Errors and cancelling are as with Records, whose part this is."""

    async def add(self, key: ApiKey) -> None:
        """Keep a new one, whose id and digest are no other's."""
        ...

    async def find(self, digest: str) -> ApiKey | None:
        """The key of that digest, expired or not."""
        ...

    async def get(self, key_id: str) -> ApiKey | None: ...

    async def of_user(self, user: str) -> Sequence[ApiKey]:
        """The oldest first."""
        ...

    async def every(self) -> Sequence[ApiKey]:
        """All users', by user and then the oldest first."""
        ...

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """When keys, by their ids, were used last; an earlier time than is known changes nothing.

        Nothing where a key is gone.
        """
        ...

    async def delete(self, key_id: str) -> bool:
        """False where there was none."""
        ...

    async def delete_expired(self, now: datetime) -> None:
        """Those that are not good any more at `now`."""
        ...
