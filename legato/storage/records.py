"""Opens the storage that a setting names: records, and a journal beside them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import trio
from sqlalchemy import URL, Engine

from legato.private_files import DATA_FOLDER, make_file, make_folder, restrict
from legato.storage.address import parse_address, refusal
from legato.storage.clock import Clock, utc_now
from legato.storage.contract import Journal, Records, StorageError
from legato.storage.database import Database
from legato.storage.engines import Engines, make_engines, make_journal_engines
from legato.storage.erasure import Erasure
from legato.storage.errors import translated
from legato.storage.journal import SqlJournal
from legato.storage.memory import MemoryRecords
from legato.storage.memory_erasure import MemoryErasure
from legato.storage.owners import FileOwners, Owners
from legato.storage.revision import is_newest
from legato.storage.sessions import SessionOwners
from legato.storage.sql import SqlRecords
from legato.storage.sql_erasure import SqlErasure

CLOSE_TIMEOUT: Final = 10.0
"""Seconds for the last write's thread; closing also moves SQLite's log into the database."""


class Storage(NamedTuple):
    """`journal` is None where nothing outlives the process."""

    records: Records
    journal: Journal | None
    close: Callable[[], Awaitable[None]]
    erasure: Erasure


@asynccontextmanager
async def open_records(database_url: str, *, clock: Clock = utc_now) -> AsyncIterator[Records]:
    """The records alone; see `open_storage`."""
    async with open_storage(database_url, clock=clock) as storage:
        yield storage.records


@asynccontextmanager
async def open_storage(database_url: str, *, clock: Clock = utc_now) -> AsyncIterator[Storage]:
    """That database, its tables brought to this version, until the block ends.

    `memory://` and `sqlite://` are MemoryRecords.  The folder of an SQLite file is made.

    Raises:
        StorageError: if the URL is not allowed, or the database cannot be opened, written to
            or upgraded; it names the setting LEGATO_DATABASE_URL.
    """
    storage = await _open(database_url, clock)
    try:
        yield storage
    finally:
        # Shielded: a server that is cancelled must not leave connections to the collector.
        with trio.move_on_after(CLOSE_TIMEOUT, shield=True):
            await storage.close()


async def _open(database_url: str, clock: Clock) -> Storage:
    url = parse_address(database_url)
    if url is None:
        memory = MemoryRecords(clock=clock)
        return Storage(memory, None, memory.aclose, MemoryErasure(memory))
    try:
        opened = await trio.to_thread.run_sync(_connect, url)
    except ModuleNotFoundError as error:
        missing = f"PostgreSQL needs the package {error.name}: pip install 'legato[postgres]'"
        raise refusal(database_url, missing) from error
    except StorageError as error:
        raise refusal(database_url, str(error).rstrip(".")) from error
    return _storage(opened, clock)


class _Opened(NamedTuple):
    engines: Engines
    owners: Owners
    journals: Engines | None = None  # where the journal has engines of its own


def _storage(opened: _Opened, clock: Clock) -> Storage:
    database = Database(opened.engines)
    journals = database if opened.journals is None else Database(opened.journals)

    async def close() -> None:
        await journals.aclose()
        await database.aclose()
        opened.owners.close()

    records = SqlRecords(database, clock=clock)
    journal = SqlJournal(journals, opened.owners)
    return Storage(records, journal, close, SqlErasure(database, opened.owners))


def _connect(url: URL) -> _Opened:
    with translated():
        if url.get_backend_name() == "sqlite" and url.database is not None:
            _make_private(Path(url.database))
        engines = make_engines(url)
        try:
            _upgrade(engines.writer)
            return _with_owners(url, engines)
        except BaseException:
            engines.dispose()
            raise


def _make_private(database: Path) -> None:
    """SQLite gives the files beside it the database's mode, where it makes them."""
    make_folder(database.parent, is_ours=database.parent.name == DATA_FOLDER.name)
    with suppress(OSError):  # SQLite says why, in its own words
        make_file(database)
    for suffix in ("-wal", "-shm", "-journal"):
        restrict(Path(f"{database}{suffix}"))


def _upgrade(writer: Engine) -> None:
    """Alembic takes longer to load than all that opens a database; rarely is there work for it."""
    if not is_newest(writer):
        from legato.storage.migrate import upgrade

        upgrade(writer)


def _with_owners(url: URL, engines: Engines) -> _Opened:
    if url.get_backend_name() == "sqlite":
        files = FileOwners(Path(url.database or ""))
        files.sweep()
        return _Opened(engines, files)
    journals = make_journal_engines(url)
    return _Opened(engines, SessionOwners(journals.writer), journals)
