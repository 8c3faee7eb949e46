"""LEGATO_DATABASE_URL: which database, and the refusal of a URL that cannot be opened."""

from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from legato.storage.contracts.errors import StorageError

ALLOWED: Final = (
    "sqlite:///relative/path.db, sqlite:////absolute/path.db, "
    "memory:// (or sqlite://: nothing outlives the process), "
    "postgresql://user:password@host:port/name"
)


def parse_address(database_url: str) -> URL | None:
    """The database's URL, or None for memory.

    Raises:
        StorageError: if the URL has none of the forms in ALLOWED.
    """
    if database_url == "memory://":
        return None
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        raise refusal(database_url, "this is no database URL") from None
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        return url
    if url.drivername != "sqlite":
        raise refusal(database_url, f"there is no storage for {url.drivername!r}")
    if url.host or url.username or url.query:
        raise refusal(database_url, "an SQLite URL has three slashes, a path and nothing else")
    return None if url.database in (None, "", ":memory:") else url


def refusal(database_url: str, reason: str) -> StorageError:
    """An error with the reason, the setting found (without its password), and all allowed forms."""
    # Secrets stand before the last @ or after the ?, also in a URL that cannot be parsed.
    _, at, place = database_url.partition("?")[0].rpartition("@")
    found = f"…@{place}" if at else place
    return StorageError(f"LEGATO_DATABASE_URL: {reason}.  Found {found!r}; allowed are {ALLOWED}.")
