"""SQLAlchemy's engines for a database: how its connections are set up."""

import sqlite3
from time import monotonic
from typing import Final, NamedTuple

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from legato.storage.wal import use_wal

READERS: Final = 4
"""Reads at once.  A read is a fraction of a millisecond, most of it under Python's lock."""

POSTGRESQL_WRITERS: Final = 8
"""Writes at once, where the database lets writers overlap while they wait for its disk."""

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for the write of another *process*: a backup, a second Legato."""

CONNECT_TIMEOUT: Final = 10
"""Whole seconds for a database server to answer; one that is there does in milliseconds."""

_SILENCE: Final = {
    "tcp_user_timeout": 25_000,  # milliseconds
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""A server's machine that went silent is an error after 25 s; the kernel's own are up to hours."""


class Engines(NamedTuple):
    """Each engine has as many connections as its number says, and opens them when needed."""

    writer: Engine
    writers: int
    reader: Engine
    readers: int

    def dispose(self) -> None:
        self.reader.dispose()
        self.writer.dispose()


def make_engines(url: URL) -> Engines:
    """Engines for a `sqlite` or `postgresql` URL; nothing is connected yet.

    Raises:
        ModuleNotFoundError: if the driver is not installed.
    """
    if url.get_backend_name() == "sqlite":
        return Engines(_sqlite_writer(url), 1, _sqlite_reader(url), READERS)
    return _postgresql(url, POSTGRESQL_WRITERS, READERS)


def make_journal_engines(url: URL) -> Engines:
    """For the journal in PostgreSQL: one connection writes, one reads."""
    return _postgresql(url, 1, 1)


def _sqlite_writer(url: URL) -> Engine:
    # isolation_level None: the driver begins nothing by itself, `_begin_writing` does.
    arguments = {"timeout": BUSY_TIMEOUT, "isolation_level": None}
    engine = _engine(url, 1, connect_args=arguments)
    event.listen(engine, "connect", _prepare_writer)
    event.listen(engine, "begin", _begin_writing)
    return engine


def _sqlite_reader(url: URL) -> Engine:
    arguments = {"timeout": BUSY_TIMEOUT}
    engine = _engine(url, READERS, connect_args=arguments, isolation_level="AUTOCOMMIT")
    event.listen(engine, "connect", _prepare_reader)
    return engine


def _postgresql(url: URL, writers: int, readers: int) -> Engines:
    url = url.set(drivername="postgresql+psycopg")
    # pool_pre_ping: a server that was restarted costs a reconnect, not an error.
    arguments = {"connect_timeout": CONNECT_TIMEOUT, **_SILENCE}
    options = {"pool_pre_ping": True, "connect_args": arguments}
    writer = _engine(url, writers, **options)
    reader = _engine(url, readers, isolation_level="AUTOCOMMIT", **options)
    return Engines(writer, writers, reader, readers)


def _engine(url: URL, connections: int, **options: object) -> Engine:
    # hide_parameters: users' texts do not belong into messages and logs.
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        **options,
    )


def _prepare_writer(connection: sqlite3.Connection, _record: object) -> None:
    # WAL: readers and the writer do not wait for each other.  NORMAL: a commit is in the file
    # when it returns, so SIGKILL loses nothing; a power cut may lose the last ones (whole).
    try:
        use_wal(connection, until=monotonic() + BUSY_TIMEOUT)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()  # the pool does not know it yet
        raise


def _prepare_reader(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only = ON")


def _begin_writing(connection: Connection) -> None:
    # A deferred transaction that reads first cannot wait for a lock when it writes later.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
