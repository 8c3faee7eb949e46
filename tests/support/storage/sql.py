"""Changes to a database from outside Legato."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from legato.storage.sql.schema.migrate import MIGRATIONS


@contextmanager
def transaction(database_url: str) -> Iterator[Connection]:
    url = make_url(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with create_engine(url, poolclass=NullPool).begin() as connection:
        yield connection


def downgrade(database_url: str, revision: str) -> None:
    """Bring the tables back to a former version's."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with transaction(database_url) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def execute(database_url: str, *statements: str) -> None:
    with transaction(database_url) as connection:
        for statement in statements:
            connection.execute(text(statement))
