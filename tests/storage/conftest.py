import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from legato.storage.contracts.records import Records
from legato.storage.open import open_records
from legato.storage.sql.connection.engines import make_engines
from legato.storage.sql.schema.migrate import upgrade
from tests.support.storage.postgres import Server, postgres
from tests.support.storage.turns import SteppedClock

DATABASES = ("memory", "sqlite", "postgresql")


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "legato.db"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with all tables, for copies: a migration takes 60 ms."""
    path = tmp_path_factory.mktemp("migrated") / "legato.db"
    engines = make_engines(make_url(f"sqlite:///{path}"))
    upgrade(engines.writer)
    engines.dispose()
    return path


@pytest.fixture
def sqlite_url(migrated_file: Path, database_file: Path) -> str:
    database_file.parent.mkdir()
    shutil.copy(migrated_file, database_file)
    return f"sqlite:///{database_file}"


@pytest.fixture
def new_sqlite_url(database_file: Path) -> str:
    return f"sqlite:///{database_file}"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with postgres() as server:
        yield server


@pytest.fixture
def postgresql_url(server: Server) -> Iterator[str]:
    with server.database() as url:
        yield url


@pytest.fixture
def new_postgresql_url(server: Server) -> Iterator[str]:
    with server.database(migrated=False) as url:
        yield url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty storage."""
    return "memory://" if request.param == "memory" else fixture(request, f"{request.param}_url")


@pytest.fixture
def holds_nul(database_url: str) -> bool:
    """Whether texts may hold NUL, other than in texts kept as JSON."""
    return not database_url.startswith("postgresql")


@pytest.fixture(params=DATABASES[1:])
def sql_url(request: pytest.FixtureRequest) -> str:
    return fixture(request, f"{request.param}_url")


@pytest.fixture(params=["new_sqlite_url", "new_postgresql_url"])
def new_sql_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without tables."""
    return fixture(request, request.param)


def fixture(request: pytest.FixtureRequest, name: str) -> str:
    value: str = request.getfixturevalue(name)
    return value


@pytest.fixture
async def records(database_url: str, clock: SteppedClock) -> AsyncIterator[Records]:
    async with open_records(database_url, clock=clock) as opened:
        yield opened
