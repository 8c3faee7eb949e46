"""Opens the storage of a setting: records, and a journal beside the records."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import trio
from sqlalchemy import URL

from legato.private_files import DATA_FOLDER, make_file, make_folder, restrict
from legato.storage.address import parse_address, refusal
from legato.storage.clock import Clock, microseconds, utc_now
from legato.storage.contracts.erasure import Erasure
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Journal
from legato.storage.contracts.quotas import UNBOUNDED, Quota
from legato.storage.contracts.records import Records
from legato.storage.memory.erasure import MemoryErasure
from legato.storage.memory.records import MemoryRecords
from legato.storage.sql.connection.database import Database
from legato.storage.sql.connection.engines import (
    TIMEOUT,
    Engines,
    make_engines,
    make_journal_engines,
)
from legato.storage.sql.connection.errors import translated
from legato.storage.sql.erasure import SqlErasure
from legato.storage.sql.journal import SqlJournal
from legato.storage.sql.owners.locks import FileOwnerLocks, OwnerLocks
from legato.storage.sql.owners.server_lock import alone
from legato.storage.sql.owners.sessions import SessionOwnerLocks
from legato.storage.sql.records import SqlRecords
from legato.storage.sql.schema.counting import start_counting
from legato.storage.sql.schema.revision import NEWEST, require_tables, revision
from legato.storage.threads import Threads

DISPOSE_TIMEOUT: Final = 1.0
"""Seconds to close the connections to a database that could not be opened."""


class Storage(NamedTuple):
    """A storage that was opened.

    `journal` is None where nothing outlives the process.  `made` is a database that was not there
    before, without its password.  `watch` runs for ever: while `watch` runs, requests that would
    wait in vain are refused at once, and the end of trouble is noticed.
    """

    records: Records
    journal: Journal | None
    erasure: Erasure
    watch: Callable[[], Awaitable[None]] = trio.sleep_forever
    made: str | None = None


@asynccontextmanager
async def open_records(
    database_url: str, *, clock: Clock = utc_now, quota: Quota = UNBOUNDED
) -> AsyncIterator[Records]:
    """The records alone; see `open_storage`."""
    async with open_storage(database_url, clock=clock, quota=quota) as storage:
        yield storage.records


@asynccontextmanager
async def open_storage(
    database_url: str,
    *,
    clock: Clock = utc_now,
    timeout_: float = TIMEOUT,
    patience: float | None = None,
    quota: Quota = UNBOUNDED,
) -> AsyncIterator[Storage]:
    """Open a database, and bring its tables to this version, until the block ends.

    `memory://` and `sqlite://` are MemoryRecords.  The folder of an SQLite file is made.
    `timeout_`: seconds for each request to the database.  `patience`: set by a server that shares
    nothing else with others; seconds for another server to leave an SQLite file.  `quota`: of each
    user.

    Raises:
        StorageError: if the URL is not allowed, if the database cannot be opened, written to or
            upgraded, or if another server has the file; the message names the setting
            LEGATO_DATABASE_URL.
    """
    url = parse_address(database_url)
    async with AsyncExitStack() as stack:
        with _named(database_url):
            if url is None:
                storage, close = _memory(clock, quota)
            else:
                if patience is not None:
                    await _take_place(stack, url, patience)
                counts = None if quota.is_off else clock
                opened = await _open(url, timeout_, counts, is_server=patience is not None)
                storage, close = _storage(opened, clock, timeout_, quota)
        try:
            yield storage
        finally:
            # Shielded: a server that is cancelled must not leave connections to the collector.
            with trio.CancelScope(shield=True):
                await close()


Close = Callable[[], Awaitable[None]]


@contextmanager
def _named(database_url: str) -> Iterator[None]:
    """Have every failure in the block name the setting."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (
            f"PostgreSQL needs the package {error.name}: in a checkout, pip install '.[postgres]'"
        )
        raise refusal(database_url, missing) from error
    except StorageError as error:
        raise refusal(database_url, str(error).rstrip(".")) from error


def _memory(clock: Clock, quota: Quota) -> tuple[Storage, Close]:
    memory = MemoryRecords(clock=clock, quota=quota)
    return Storage(memory, None, MemoryErasure(memory)), memory.aclose


async def _take_place(stack: AsyncExitStack, url: URL, patience: float) -> None:
    """Be the one server on an SQLite file, until the stack ends."""
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        with translated():
            await trio.to_thread.run_sync(_make_folder, path)
            await stack.enter_async_context(alone(path, patience))


class _Opened(NamedTuple):
    engines: Engines
    owners: OwnerLocks
    journals: Engines | None = None  # None where the journal shares the records' engines
    made: str | None = None


def _storage(opened: _Opened, clock: Clock, timeout: float, quota: Quota) -> tuple[Storage, Close]:
    databases = [database := Database(opened.engines, timeout=timeout)]
    if opened.journals is not None:
        databases.insert(0, Database(opened.journals, name="journal", timeout=timeout))

    async def watch() -> None:
        async with trio.open_nursery() as nursery:
            for each in databases:
                nursery.start_soon(each.watch)

    async def close() -> None:
        for each in databases:
            await each.aclose()
        opened.owners.close()

    records = SqlRecords(database, clock=clock, quota=quota)
    journal = SqlJournal(databases[0], opened.owners)
    erasure = SqlErasure(database, opened.owners)
    return Storage(records, journal, erasure, watch, opened.made), close


async def _open(url: URL, timeout_: float, counts: Clock | None, *, is_server: bool) -> _Opened:
    """Run each step in a thread, for which nobody waits after a cancel.

    `counts`: the clock by which the use of each user is counted; None where nothing is counted.
    """
    threads, one = Threads("the database", timeout_), trio.CapacityLimiter(1)
    in_thread = partial(threads.run, limiter=one, shield=False)
    engines = await in_thread(partial(_engines, url, timeout_))
    try:
        found = await in_thread(partial(_revision, engines))
        if found != [NEWEST]:
            # as long as the upgrade takes
            await in_thread(partial(_upgrade, engines), timeout_=math.inf)
        if counts is not None:
            # a count of all rows, once
            await in_thread(partial(_count, engines, counts), timeout_=math.inf)
        opened = await in_thread(partial(_checked, url, engines, timeout_, is_server=is_server))
        return opened if found is not None else opened._replace(made=_shown(url))
    except BaseException:
        with trio.move_on_after(DISPOSE_TIMEOUT, shield=True):
            await trio.to_thread.run_sync(engines.dispose, abandon_on_cancel=True)
        raise


def _shown(url: URL) -> str:
    return url.set(query={}).render_as_string()  # the password is hidden


def _engines(url: URL, timeout: float) -> Engines:
    with translated():
        if url.get_backend_name() == "sqlite" and url.database is not None:
            _make_private(Path(url.database))
        return make_engines(url, timeout)


def _make_private(database: Path) -> None:
    """Make the database's file for its owner only, and restrict the files that SQLite keeps beside.

    SQLite makes those files with the database's mode.
    """
    _make_folder(database)
    with suppress(OSError):  # SQLite says why, in its own words
        make_file(database)
    for suffix in ("-wal", "-shm", "-journal"):
        restrict(Path(f"{database}{suffix}"))


def _make_folder(database: Path) -> None:
    make_folder(database.parent, is_ours=database.parent.name == DATA_FOLDER.name)


def _revision(engines: Engines) -> list[str] | None:
    with translated():
        return revision(engines.writer)


def _upgrade(engines: Engines) -> None:
    """Bring the tables to this version; Alembic, slow to load, is loaded only here."""
    with translated():
        from legato.storage.sql.schema.migrate import upgrade

        upgrade(engines.writer)


def _count(engines: Engines, clock: Clock) -> None:
    with translated(), engines.writer.begin() as connection:
        start_counting(connection, microseconds(clock()))


def _checked(url: URL, engines: Engines, timeout: float, *, is_server: bool) -> _Opened:
    with translated():
        require_tables(engines.writer)
        if engines.file is not None:
            engines.file.note()
            files = FileOwnerLocks(engines.file.path)
            files.sweep()
            return _Opened(engines, files)
        journals = make_journal_engines(url, timeout)
        return _Opened(engines, SessionOwnerLocks(journals.writer, is_server=is_server), journals)
