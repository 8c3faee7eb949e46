from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from legato.storage.contract import Records
from legato.storage.records import open_records
from tests.storage.turns import SteppedClock


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "legato.db"


@pytest.fixture
def sqlite_url(database_file: Path) -> str:
    return f"sqlite:///{database_file}"


@pytest.fixture(params=["memory", "sqlite"])
def database_url(request: pytest.FixtureRequest, sqlite_url: str) -> str:
    return {"memory": "memory://", "sqlite": sqlite_url}[request.param]


@pytest.fixture
async def records(database_url: str, clock: SteppedClock) -> AsyncIterator[Records]:
    async with open_records(database_url, clock=clock) as opened:
        yield opened
