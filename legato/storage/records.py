"""Opens the records that a setting names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio
from sqlalchemy import URL

from legato.storage.address import parse_address, refusal
from legato.storage.clock import Clock, utc_now
from legato.storage.contract import Records, StorageError
from legato.storage.database import Database
from legato.storage.engines import Engines, make_engines
from legato.storage.errors import translated
from legato.storage.memory import MemoryRecords
from legato.storage.migrate import upgrade
from legato.storage.sql import SqlRecords

CLOSE_TIMEOUT: Final = 10.0
"""Seconds for the last write's thread; closing also moves SQLite's log into the database."""


@asynccontextmanager
async def open_records(database_url: str, *, clock: Clock = utc_now) -> AsyncIterator[Records]:
    """Records of that database, its tables brought to this version, until the block ends.

    `memory://` and `sqlite://` are MemoryRecords.  The folder of an SQLite file is made.

    Raises:
        StorageError: if the URL is not allowed, or the database cannot be opened, written to
            or upgraded; it names the setting LEGATO_DATABASE_URL.
    """
    records = await _open(database_url, clock)
    try:
        yield records
    finally:
        # Shielded: a server that is cancelled must not leave connections to the collector.
        with trio.move_on_after(CLOSE_TIMEOUT, shield=True):
            await records.aclose()


async def _open(database_url: str, clock: Clock) -> Records:
    url = parse_address(database_url)
    if url is None:
        return MemoryRecords(clock=clock)
    try:
        engines = await trio.to_thread.run_sync(_connect, url)
    except ModuleNotFoundError as error:
        missing = f"PostgreSQL needs the package {error.name}: pip install 'legato[postgres]'"
        raise refusal(database_url, missing) from error
    except StorageError as error:
        raise refusal(database_url, str(error).rstrip(".")) from error
    return SqlRecords(Database(engines), clock=clock)


def _connect(url: URL) -> Engines:
    with translated():
        if url.get_backend_name() == "sqlite" and url.database is not None:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engines = make_engines(url)
        try:
            upgrade(engines.writer)
        except BaseException:
            engines.dispose()
            raise
    return engines
