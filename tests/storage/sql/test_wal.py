"""Switching on SQLite's write-ahead log while others hold the file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from legato.storage.sql.connection.wal import use_wal


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=0)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A second connection, in the middle of a write to the file, which is not in WAL yet."""
    with closing(connect(tmp_path / "new.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "new.db")) as connection:
        yield connection


def test_a_file_that_others_hold_is_tried_again(
    holder: sqlite3.Connection, opener: sqlite3.Connection
) -> None:
    tries = list[str]()

    def release_at_the_third(statement: str) -> None:
        tries.append(statement)
        if len(tries) == 3:
            holder.execute("ROLLBACK")

    opener.set_trace_callback(release_at_the_third)
    use_wal(opener, until=monotonic() + 60)

    assert len(tries) == 3
    assert opener.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_stays_held_is_given_up(
    holder: sqlite3.Connection, opener: sqlite3.Connection
) -> None:
    assert holder.in_transaction
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        use_wal(opener, until=monotonic())


def test_a_database_that_keeps_another_mode_is_refused() -> None:
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(OSError, match=r"write-ahead log does not work there; found .*memory"),
    ):
        use_wal(connection, until=monotonic())
