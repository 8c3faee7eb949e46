"""Two servers on one SQLite file, without a Redis between them."""

import os
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from legato.storage.contracts.errors import StorageError
from legato.storage.open import open_storage


async def test_a_second_server_is_refused_by_name(sqlite_url: str) -> None:
    async with open_storage(sqlite_url, patience=0):
        with pytest.raises(
            StorageError,
            match=rf"LEGATO_DATABASE_URL: another server uses .* \(process {os.getpid()}\) and",
        ):
            async with open_storage(sqlite_url, patience=0.1):
                pass


async def test_one_that_follows_waits_until_the_former_has_ended(sqlite_url: str) -> None:
    former, ended = trio.Event(), trio.Event()

    async def serve() -> None:
        async with open_storage(sqlite_url, patience=0):
            former.set()
            await ended.wait()

    with trio.fail_after(30), capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            await former.wait()
            nursery.start_soon(open_after, sqlite_url)
            while not logs:  # noqa: ASYNC110
                await trio.sleep(0.01)
            ended.set()
    assert [line["event"] for line in logs] == ["waiting for another server to end"]


async def open_after(sqlite_url: str) -> None:
    async with open_storage(sqlite_url, patience=30) as storage:
        await storage.records.ping()


async def test_what_is_no_server_is_welcome_beside_one(
    sqlite_url: str, database_file: Path
) -> None:
    async with open_storage(sqlite_url, patience=0), open_storage(sqlite_url) as storage:
        await storage.records.ping()


async def test_on_postgresql_a_second_server_is_warned_of(postgresql_url: str) -> None:
    with capture_logs() as logs:
        async with (
            open_storage(postgresql_url, patience=0) as first,
            open_storage(postgresql_url, patience=0) as second,
            open_storage(postgresql_url) as no_server,
        ):
            for storage in (first, second, no_server):
                assert storage.journal is not None
                await storage.journal.take_over()
    [line] = logs
    assert line["log_level"] == "warning"
    assert line["event"].startswith("another server uses this database, and no Redis")
