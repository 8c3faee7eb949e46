"""LEGATO_DATABASE_URL: all forms, and the refusal of other texts."""

import sys
from pathlib import Path

import pytest

from legato.storage.contracts.errors import StorageError
from legato.storage.memory.records import MemoryRecords
from legato.storage.open import open_records
from legato.storage.sql.records import SqlRecords


@pytest.mark.parametrize("url", ["memory://", "sqlite://", "sqlite:///:memory:"])
async def test_some_urls_are_memory(url: str) -> None:
    async with open_records(url) as records:
        assert isinstance(records, MemoryRecords)


async def test_a_relative_path_is_the_working_directorys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_records("sqlite:///a folder/100%/legato.db") as records:
        assert isinstance(records, SqlRecords)

    assert (tmp_path / "a folder" / "100%" / "legato.db").is_file()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "this is no database URL"),
        ("legato.db", "this is no database URL"),
        ("postgresql://host:port/name", "this is no database URL"),
        ("mysql://host/name", "there is no storage for 'mysql'"),
        ("sqlite+aiosqlite:///x.db", "there is no storage for 'sqlite\\+aiosqlite'"),
        ("sqlite://legato.db", "three slashes"),
        ("sqlite:///x.db?mode=ro", "three slashes"),
    ],
)
async def test_another_url_is_refused_with_what_is_allowed(url: str, reason: str) -> None:
    allowed = r"allowed are sqlite:///relative/path\.db, .* memory:// .* postgresql://"
    with pytest.raises(StorageError, match=f"LEGATO_DATABASE_URL: .*{reason}.*{allowed}"):
        async with open_records(url):
            pass


@pytest.mark.parametrize(
    "url", ["mysql://ann:hunter2@host/name", "://ann:hunter2@", "mysql://host/x?password=hunter2"]
)
async def test_a_password_is_not_repeated(url: str) -> None:
    with pytest.raises(StorageError) as refused:
        async with open_records(url):
            pass

    assert "hunter2" not in str(refused.value)


async def test_postgresql_without_its_driver_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageError, match=r"pip install '\.\[postgres\]'"):
        async with open_records("postgresql://localhost/legato"):
            pass


async def test_a_server_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(
        StorageError, match=r"LEGATO_DATABASE_URL: .*port 9.*Found '…@127\.0\.0\.1:9/"
    ):
        async with open_records("postgresql://ann:hunter2@127.0.0.1:9/name"):
            pass
