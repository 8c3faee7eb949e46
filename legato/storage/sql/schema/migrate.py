"""Brings a database's tables to this version, while other processes may do the same."""

from pathlib import Path
from threading import Lock
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, func, select

from legato.storage.contracts.errors import StorageError

MIGRATIONS: Final = Path(__file__).parent.parent / "migrations"

# Alembic's `op` and `context` are module globals, good for one upgrade at a time
_ALEMBIC: Final = Lock()
_POSTGRESQL_LOCK: Final = 0x1E6A70  # an arbitrary number, for "Legato's tables"


def upgrade(writer: Engine) -> None:
    """Upgrade to the newest revision, in one transaction: all of it or nothing.

    Processes starting together take turns: on SQLite the writer's transactions begin with the write
    lock, on PostgreSQL there is a lock of ours.

    Raises:
        StorageError: if a newer version of Legato upgraded the database, or the upgrade fails.
    """
    try:
        _upgrade(writer)
    except CommandError as error:
        raise StorageError(f"The database could not be used: {error}.") from error


def _upgrade(writer: Engine) -> None:
    with _ALEMBIC, writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_POSTGRESQL_LOCK)))
        _refuse_unknown_revision(connection)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _refuse_unknown_revision(connection: Connection) -> None:
    found = set(MigrationContext.configure(connection).get_current_heads())
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if found - known:
        raise StorageError(
            f"its tables are of revision {', '.join(sorted(found - known))}, which a newer Legato"
            f" made; this one knows {', '.join(sorted(known))}"
        )
