"""SQLAlchemy's engines for a database: how connections are set up."""

import sqlite3
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

from legato.storage.interrupts import Interruptible, break_of
from legato.storage.operations import uses
from legato.storage.sql.connection.file import DatabaseFile
from legato.storage.sql.connection.wal import use_wal

READERS: Final = 4
"""Reads at once.  A read takes a fraction of a millisecond, mostly under Python's lock."""

POSTGRESQL_WRITERS: Final = 8
"""Writes at once, where the database lets writers overlap while waiting for its disk."""

TIMEOUT: Final = 10.0
"""Seconds for a piece of work, the wait for its turn included."""

BUSY_TIMEOUT: Final = 5.0
"""Seconds at most to wait for the write of another *process*: a backup, a tool.  At most half of
the time for a piece of work, because SQLite's own wait cannot be broken off."""

CONNECT_TIMEOUT: Final = 5
"""Whole seconds at most for a database server to answer; a reachable server takes milliseconds."""

_SILENCE: Final = {
    "tcp_user_timeout": 25_000,  # milliseconds
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""A server's silent machine is an error after 25 s; the kernel's own limits are up to hours.  An
acknowledging server that says nothing is bounded by each work's deadline."""


class Engines(NamedTuple):
    """Each engine has the number of connections beside its name, opened when needed."""

    writer: Engine
    writers: int
    reader: Engine
    readers: int
    file: DatabaseFile | None = None  # of SQLite

    def dispose(self) -> None:
        self.reader.dispose()
        self.writer.dispose()


def make_engines(url: URL, timeout: float = TIMEOUT) -> Engines:
    """Engines for a `sqlite` or `postgresql` URL; nothing is connected yet.

    `timeout`: seconds that a piece of work has.

    Raises:
        ModuleNotFoundError: if the driver is not installed.
    """
    if url.get_backend_name() == "sqlite":
        file = DatabaseFile(Path(url.database or ""))
        busy = min(BUSY_TIMEOUT, timeout / 2)
        writer, reader = _sqlite_writer(url, file, busy), _sqlite_reader(url, file, busy)
        return Engines(writer, 1, reader, READERS, file)
    return _postgresql(url, POSTGRESQL_WRITERS, READERS, timeout)


def make_journal_engines(url: URL, timeout: float = TIMEOUT) -> Engines:
    """Engines for the journal in PostgreSQL: a connection to write, and a connection to read."""
    return _postgresql(url, 1, 1, timeout)


def _sqlite_writer(url: URL, file: DatabaseFile, busy: float) -> Engine:
    # isolation_level None: the driver begins nothing by itself, `_begin_writing` does.
    arguments = {"timeout": busy, "isolation_level": None}
    engine = _engine(url, 1, connect_args=arguments)
    event.listen(engine, "do_connect", partial(_require_file, file))
    event.listen(engine, "connect", partial(_prepare_writer, busy))
    event.listen(engine, "begin", partial(_begin_writing, file))
    return engine


def _sqlite_reader(url: URL, file: DatabaseFile, busy: float) -> Engine:
    arguments = {"timeout": busy}
    engine = _engine(url, READERS, connect_args=arguments, isolation_level="AUTOCOMMIT")
    event.listen(engine, "do_connect", partial(_require_file, file))
    event.listen(engine, "connect", _prepare_reader)
    return engine


def _postgresql(url: URL, writers: int, readers: int, timeout: float) -> Engines:
    url = url.set(drivername="postgresql+psycopg")
    connecting = max(1, min(CONNECT_TIMEOUT, int(timeout / 2)))
    options = {"connect_args": {"connect_timeout": connecting, **_SILENCE}}
    writer = _engine(url, writers, **options)
    reader = _engine(url, readers, isolation_level="AUTOCOMMIT", **options)
    for engine in (writer, reader):
        event.listen(engine, "checkout", partial(_require_alive, engine))
    return Engines(writer, writers, reader, readers)


def _engine(url: URL, connections: int, **options: object) -> Engine:
    # hide_parameters: users' texts do not belong into messages and logs.
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        **options,
    )
    for begins in ("connect", "checkout"):
        event.listen(engine, begins, _note_use)
    event.listen(engine, "checkin", _note_end)
    return engine


def _note_use(connection: Interruptible, *_: object) -> None:
    uses(break_of(connection))


def _note_end(*_: object) -> None:
    uses(None)  # before anybody else can have the connection


def _require_alive(
    engine: Engine, connection: DBAPIConnection, _record: object, _proxy: object
) -> None:
    # Like the pool's own `pre_ping`: a server that was restarted costs a reconnect, not an error.
    # But `pre_ping` would ask before this thread's connection can be interrupted.
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def _prepare_writer(busy: float, connection: sqlite3.Connection, _record: object) -> None:
    # WAL: readers and the writer do not wait for each other.  NORMAL: a commit is in the file on
    # return, so SIGKILL loses nothing; a power cut may lose the last commits (whole).
    try:
        use_wal(connection, until=monotonic() + busy)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()  # the pool does not know the connection yet
        raise


def _prepare_reader(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only = ON")


def _require_file(file: DatabaseFile, *_: object) -> None:
    file.require()  # SQLite would make an empty file


def _begin_writing(file: DatabaseFile, connection: Connection) -> None:
    file.require()
    # A deferred transaction that reads first cannot wait for a lock when writing later.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
