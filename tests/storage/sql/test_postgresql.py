"""PostgreSQL only: the tables, and a server that cannot be reached."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool, create_engine, make_url

from legato.storage.contracts.errors import StorageError
from legato.storage.open import open_storage
from legato.storage.sql.schema.tables import MESSAGE_WORDS, METADATA
from tests.support.storage.postgres import Server


def test_the_migrated_tables_are_those_that_are_declared(postgresql_url: str) -> None:
    url = make_url(postgresql_url).set(drivername="postgresql+psycopg")
    with create_engine(url, poolclass=NullPool).connect() as connection:
        options = {"compare_server_default": True, "include_name": is_declared}
        context = MigrationContext.configure(connection, opts=options)

        assert compare_metadata(context, METADATA) == []


def is_declared(name: str | None, kind: str, _: object) -> bool:
    """`message_words` is another table in SQLite; `test_search.py` looks at both."""
    return (kind, name) != ("table", MESSAGE_WORDS)


async def test_a_database_that_is_not_there_is_an_error_for_people(server: Server) -> None:
    with pytest.raises(StorageError, match=r'LEGATO_DATABASE_URL: .*"nowhere" does not exist'):
        async with open_storage(server.url("nowhere")):
            pass


async def test_a_server_that_went_away_is_one_too_and_may_come_back(
    server: Server, postgresql_url: str
) -> None:
    name = make_url(postgresql_url).database
    async with open_storage(postgresql_url) as storage:
        assert storage.journal is not None
        await storage.journal.take_over()
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        with pytest.raises(StorageError, match="not currently accepting connections"):
            await storage.journal.take_over()
        with pytest.raises(StorageError, match="not currently accepting connections"):
            await storage.records.ping()
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

        assert await storage.journal.take_over() == []
        await storage.records.ping()
