"""`legato keys`: makes, lists and revokes API keys in the configured storage."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

import trio

from legato.config import ConfigError, Settings
from legato.http.auth.api_keys import default_expiry, mint
from legato.storage.address import parse_address
from legato.storage.clock import utc_now
from legato.storage.contracts.keys import ApiKey, ApiKeys
from legato.storage.open import open_records

T = TypeVar("T")

_HEADINGS: Final = ("ID", "KEY", "CREATED", "LAST USED", "EXPIRES", "SCOPES", "NAME")

NEVER: Final = 0
"""The lifetime of a key without an expiry."""


def create(settings: Settings, user: str, name: str, lifetime: int | None) -> str:
    """Make a new key and return the secret, which nothing shows again.

    `lifetime` is in seconds, or NEVER; None is the setting `api_key_lifetime`.

    Raises:
        ConfigError, StorageError: where the storage cannot be used from here.
    """
    now = utc_now()
    asked = settings.api_key_lifetime if lifetime is None else lifetime
    expires_at = default_expiry(asked or None, now)
    secret, key = mint(user, name, now=now, expires_at=expires_at)
    _in_storage(settings, lambda keys: keys.add(key))
    return secret


def listed(settings: Settings, user: str | None) -> Iterator[str]:
    """The lines of a table of a user's keys; of all users' keys where `user` is None.

    Raises:
        ConfigError, StorageError: where the storage cannot be used from here.
    """
    if user is None:
        every = _in_storage(settings, lambda keys: keys.every())
        rows: list[Sequence[str]] = [("USER", *_HEADINGS), *((k.user, *_row(k)) for k in every)]
    else:
        of_user = _in_storage(settings, lambda keys: keys.of_user(user))
        rows = [_HEADINGS, *map(_row, of_user)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def revoke(settings: Settings, key_id: str) -> None:
    """Delete a key; running servers refuse the key within ten seconds.

    Raises:
        ConfigError, StorageError: where there is no such key, or the storage cannot be used from
            here.
    """
    if not _in_storage(settings, lambda keys: keys.delete(key_id)):
        raise ConfigError(f"ID: found {key_id!r:.80}; allowed: what `legato keys list --all` shows")


def _in_storage(settings: Settings, work: Callable[[ApiKeys], Awaitable[T]]) -> T:
    if parse_address(settings.database_url) is None:
        raise ConfigError(
            "LEGATO_DATABASE_URL: found one in memory, whose keys only its server can see; "
            "allowed: a file or a server, or make keys there by POST /api/api-keys"
        )

    async def run() -> T:
        async with open_records(settings.database_url) as records:
            return await work(records.api_keys)

    return trio.run(run)


def _row(key: ApiKey) -> Sequence[str]:
    times = (key.created_at, key.last_used_at, key.expires_at)
    return (key.id, f"{key.prefix}…", *map(_shown, times), ",".join(key.scopes), key.name)


def _shown(time: datetime | None) -> str:
    return "never" if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"
