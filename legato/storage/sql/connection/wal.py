"""SQLite's write-ahead log, switched on by the first process."""

import sqlite3
from time import monotonic, sleep
from typing import Final

RETRY: Final = 0.01
"""Seconds.  Converting a new file takes a few milliseconds."""


def use_wal(connection: sqlite3.Connection, until: float) -> None:
    """Switch the connection's file to WAL, which the file then remembers.  Blocks.

    Surprising but right: for this one statement SQLite ignores the busy timeout.  When several
    processes open a new file together, the first converts the file and the other processes fail at
    once (https://github.com/elixir-sqlite/exqlite/issues/138); so each tries again.

    Raises:
        sqlite3.OperationalError: if the file is locked until `until` (of `monotonic`).
        OSError: if SQLite keeps another mode, as on file systems without shared memory.
    """
    while not _converted(connection):
        if monotonic() > until:
            raise sqlite3.OperationalError("database is locked")
        sleep(RETRY)


def _converted(connection: sqlite3.Connection) -> bool:
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
        found = cursor.fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return False
        raise
    finally:
        cursor.close()
    if found != ("wal",):
        raise OSError(f"SQLite's write-ahead log does not work there; found mode {found}")
    return True
