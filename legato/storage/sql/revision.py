"""Whether a database's tables are of this version: asked without what changes them."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Engine, inspect, text

from legato.storage.contracts.errors import StorageError
from legato.storage.sql.tables import METADATA

NEWEST: Final = "0009"
"""The newest of `legato/storage/sql/migrations`."""

TABLE: Final = "alembic_version"  # Alembic's own


def revision(engine: Engine) -> list[str] | None:
    """What the database says of its tables; None where it has none of ours yet."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(TABLE):
            return None
        return [*connection.execute(text(f"SELECT version_num FROM {TABLE}")).scalars()]


def require_tables(engine: Engine) -> None:
    """Raises StorageError where the tables are not those of the newest revision, by name."""
    with engine.connect() as connection:
        found = inspect(connection).get_multi_columns()
    columns = {table: {each["name"] for each in rows} for (_, table), rows in found.items()}
    if missing := [*_missing(columns)]:
        raise StorageError(
            f"its tables are not those of revision {NEWEST}, which it says they are; missing: "
            + ", ".join(missing)
        )


def _missing(columns: dict[str, set[str]]) -> Iterator[str]:
    for table in METADATA.sorted_tables:
        if table.name not in columns:
            yield f"the table {table.name}"
            continue
        for column in table.columns:
            if column.name not in columns[table.name]:
                yield f"the column {table.name}.{column.name}"
