"""The smallest statements that show whether a database can be used."""

from typing import Final

from sqlalchemy import Connection, func, select, text

from legato.storage.contracts.errors import Unavailable
from legato.storage.sql.schema.revision import TABLE

# A row is written: on a full disk a transaction without a write succeeds.
_WRITE: Final = text(f"UPDATE {TABLE} SET version_num = version_num")
_READ: Final = text(f"SELECT version_num FROM {TABLE}")
_READ_ONLY: Final = select(func.current_setting("transaction_read_only"))


def probe_writing(connection: Connection) -> None:
    """Raises the database's error, and Unavailable where the database is read-only."""
    if connection.dialect.name == "sqlite":
        connection.execute(_WRITE)
    # On PostgreSQL a write would leave a dead row each time, and a full disk shows anyway.
    elif connection.scalar(_READ_ONLY) == "on":
        raise Unavailable("The database could not be used: it is read-only.")


def probe_reading(connection: Connection) -> None:
    """Raises the database's error where nothing can be read."""
    connection.execute(_READ)
