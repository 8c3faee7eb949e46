"""Backups as docs/operations.md says, of a database in which somebody writes."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from legato.events import Created
from legato.storage.contracts.journal import Entries
from legato.storage.open import Storage, open_storage
from tests.support.storage.postgres import PROGRAMS
from tests.support.storage.turns import answer, conversation, question

Copy = Callable[[sqlite3.Connection, Path], None]


async def write(storage: Storage) -> None:
    """A turn, and a running generation."""
    await storage.records.open_turn(conversation(), question())
    await storage.records.close_turn(answer(), job_id="j1")
    assert storage.journal is not None
    await storage.journal.append([Entries("j2", 1, 1, (Created(question(), "a2", "model"),))])


async def assert_restored(database_url: str) -> None:
    """All written rows are there, and the next start finds the generations that ran."""
    async with open_storage(database_url) as storage:
        messages = await storage.records.messages("c1")
        assert [message.message_id for message in messages] == ["q1", "a1"]
        assert storage.journal is not None
        assert [job.job_id for job in await storage.journal.take_over()] == ["j2"]


def backup(source: sqlite3.Connection, target: Path) -> None:
    """The effect of `.backup` in the command sqlite3."""
    with closing(sqlite3.connect(target)) as other:
        source.backup(other)


def vacuum(source: sqlite3.Connection, target: Path) -> None:
    source.execute(f"VACUUM INTO '{target}'")


@pytest.mark.parametrize("copy", [backup, vacuum])
async def test_a_backup_of_sqlite_beside_a_writer_is_whole(
    copy: Copy, sqlite_url: str, database_file: Path, tmp_path: Path
) -> None:
    async with open_storage(sqlite_url) as storage:
        await write(storage)
        with closing(sqlite3.connect(database_file)) as source:
            copy(source, tmp_path / "backup.db")
    await assert_restored(f"sqlite:///{tmp_path}/backup.db")


async def test_a_bare_copy_of_sqlite_is_none(
    sqlite_url: str, database_file: Path, tmp_path: Path
) -> None:
    async with open_storage(sqlite_url) as storage:
        await write(storage)
        shutil.copy(database_file, tmp_path / "copy.db")
    async with open_storage(f"sqlite:///{tmp_path}/copy.db") as storage:
        assert await storage.records.messages("c1") == []


async def test_a_dump_of_postgresql_beside_a_writer_is_whole(
    postgresql_url: str, new_postgresql_url: str, tmp_path: Path
) -> None:
    dump = str(tmp_path / "legato.dump")
    async with open_storage(postgresql_url) as storage:
        await write(storage)
        run("pg_dump", "--format=custom", f"--file={dump}", postgresql_url)
    run("pg_restore", "--clean", "--if-exists", f"--dbname={new_postgresql_url}", dump)
    await assert_restored(new_postgresql_url)


def run(program: str, *arguments: str) -> None:
    found = sorted(Path(PROGRAMS).glob(f"*/bin/{program}"))
    subprocess.run([found[-1] if found else program, *arguments], check=True)
