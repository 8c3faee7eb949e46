"""Errors of databases and their drivers, as StorageErrors for people."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import MsgspecError
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from legato.storage.checks import unstorable
from legato.storage.contracts.errors import StorageError, Unavailable, UnstorableText

_SQLITE_TROUBLE: Final = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,
)
"""Primary codes."""

_SERVER_TROUBLE: Final = ("08", "25", "28", "3D", "53", "57", "58")
"""Classes of SQLSTATE: no connection, read-only, no login, no database, no resources, an operator's
intervention, the server's system."""


@contextmanager
def translated() -> Iterator[None]:
    """Raises StorageError where the block fails in the database.

    UnstorableText for a text, Unavailable where other requests would fail, too.
    """
    try:
        yield
    except UnicodeEncodeError as error:
        raise unstorable(error) from None
    except DataError as error:
        raise UnstorableText(f"The database cannot hold that: {_reason(error)}.") from error
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        kind = Unavailable if _is_trouble(error) else StorageError
        raise kind(f"The database could not be used: {_reason(error)}.") from error
    except MsgspecError as error:
        raise StorageError(
            f"The database holds a row this version cannot read: {error}."
        ) from error


def _is_trouble(error: Exception) -> bool:
    if isinstance(error, OSError | PoolTimeout):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        # 0 for an error of Python's own
        code: int = getattr(cause, "sqlite_errorcode", 0)
        return code & 0xFF in _SQLITE_TROUBLE
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(cause, "sqlstate", None)  # None where no server answered
    return error.connection_invalidated or state is None or state[:2] in _SERVER_TROUBLE


def _reason(error: Exception) -> str:
    """The driver's own words.  SQLAlchemy's would add the statement and a link."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return " ".join(str(error.orig).split()).rstrip(".")
    return str(error).rstrip(".")
