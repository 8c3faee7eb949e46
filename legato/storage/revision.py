"""Whether a database's tables are of this version: asked without what changes them."""

from typing import Final

from sqlalchemy import Engine, inspect, text

NEWEST: Final = "0009"
"""The newest of `legato/storage/migrations`."""

TABLE: Final = "alembic_version"  # Alembic's own


def is_newest(engine: Engine) -> bool:
    with engine.connect() as connection:
        if not inspect(connection).has_table(TABLE):
            return False
        found = connection.execute(text(f"SELECT version_num FROM {TABLE}")).scalars().all()
    return found == [NEWEST]
