"""Whether a database's tables are of this version, looked up without Alembic."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Engine, inspect, text

from legato.storage.contracts.errors import StorageError
from legato.storage.sql.schema.tables import MESSAGE_WORDS, METADATA, TRIGGERS

NEWEST: Final = "0017"
"""The newest revision in `legato/storage/sql/migrations`."""

TABLE: Final = "alembic_version"  # Alembic's own

_TRIGGERS: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}


def revision(engine: Engine) -> list[str] | None:
    """The revision noted in the database; None where the database has no tables of Legato yet."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(TABLE):
            return None
        return [*connection.execute(text(f"SELECT version_num FROM {TABLE}")).scalars()]


def require_tables(engine: Engine) -> None:
    """Raises StorageError, with names, where a table of the newest revision is missing."""
    with engine.connect() as connection:
        found = inspect(connection).get_multi_columns()
        triggers = {*connection.execute(text(_TRIGGERS[engine.dialect.name])).scalars()}
    columns = {table: {each["name"] for each in rows} for (_, table), rows in found.items()}
    lost = [f"the trigger {each}" for each in TRIGGERS[engine.dialect.name] if each not in triggers]
    if missing := [*_missing(columns), *lost]:
        raise StorageError(
            f"its tables are not those of revision {NEWEST}, which the database names; missing: "
            + ", ".join(missing)
        )


def _missing(columns: dict[str, set[str]]) -> Iterator[str]:
    if MESSAGE_WORDS not in columns:
        yield f"the table {MESSAGE_WORDS}"
    for table in METADATA.sorted_tables:
        if table.name not in columns:
            yield f"the table {table.name}"
            continue
        for column in table.columns:
            if column.name not in columns[table.name]:
                yield f"the column {table.name}.{column.name}"
