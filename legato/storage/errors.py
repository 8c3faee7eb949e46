"""What databases and their drivers raise, as StorageErrors for people."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import MsgspecError
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError

from legato.storage.checks import unstorable
from legato.storage.contract import StorageError, UnstorableText


@contextmanager
def translated() -> Iterator[None]:
    """Raises StorageError (UnstorableText for a text) where the block fails in the database."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise unstorable(error) from None
    except DataError as error:
        raise UnstorableText(f"The database cannot hold that: {_reason(error)}.") from error
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise StorageError(f"The database could not be used: {_reason(error)}.") from error
    except MsgspecError as error:
        raise StorageError(
            f"The database holds a row this version cannot read: {error}."
        ) from error


def _reason(error: Exception) -> str:
    """The driver's own words.  SQLAlchemy's would add the statement and a link."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return " ".join(str(error.orig).split())
    return str(error)
