"""SQLite's own: how the file is set up, migrated, and refused."""

import logging
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
import trio
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, text

from legato.storage.contracts.errors import StorageError, Unavailable
from legato.storage.open import open_records, open_storage
from legato.storage.sql.connection.database import Database
from legato.storage.sql.connection.engines import BUSY_TIMEOUT, make_engines
from legato.storage.sql.schema.migrate import MIGRATIONS
from legato.storage.sql.schema.revision import NEWEST
from legato.storage.sql.schema.tables import METADATA
from tests.support.storage.turns import answer, conversation, question


def query(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
    return rows


async def store_a_turn(new_sqlite_url: str) -> None:
    async with open_records(new_sqlite_url) as records:
        await records.open_turn(conversation(), question())
        await records.close_turn(answer(), job_id="j1")


async def test_the_file_is_in_wal_mode(new_sqlite_url: str, database_file: Path) -> None:
    await store_a_turn(new_sqlite_url)

    assert query(database_file, "PRAGMA journal_mode") == [("wal",)]


async def test_closing_leaves_one_file_though_the_owner_is_cancelled(
    new_sqlite_url: str, database_file: Path
) -> None:
    with trio.CancelScope() as scope:
        async with open_records(new_sqlite_url) as records:
            await records.open_turn(conversation(), question())
            await records.messages("c1")
            scope.cancel()

    assert list(database_file.parent.iterdir()) == [database_file]


async def test_an_empty_file_is_migrated_to_the_tables_as_declared(
    new_sqlite_url: str, database_file: Path, tmp_path: Path
) -> None:
    await trio.Path(database_file.parent).mkdir()
    await trio.Path(database_file).touch()
    async with open_records(new_sqlite_url):
        pass
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    METADATA.create_all(declared)
    declared.dispose()

    schema = (
        "SELECT name, sql FROM sqlite_master"
        " WHERE tbl_name != 'alembic_version' AND tbl_name NOT LIKE 'message_words%'"
        " AND type != 'trigger' ORDER BY 1"
    )
    found, wanted = query(database_file, schema), query(tmp_path / "declared.db", schema)
    assert [words(row) for row in found] == [words(row) for row in wanted]


def words(row: Sequence[object]) -> Sequence[object]:
    """An added column stands on the line of the column before."""
    return [" ".join(str(column).split()) for column in row]


async def test_a_current_file_keeps_what_it_holds(new_sqlite_url: str) -> None:
    await store_a_turn(new_sqlite_url)

    async with open_records(new_sqlite_url) as records:
        assert [message.message_id for message in await records.messages("c1")] == ["q1", "a1"]


async def test_a_newer_revision_is_refused_by_name(
    new_sqlite_url: str, database_file: Path
) -> None:
    await store_a_turn(new_sqlite_url)
    query(database_file, "UPDATE alembic_version SET version_num = 'from_the_future'")

    with pytest.raises(StorageError, match="of revision from_the_future, which a newer Legato"):
        async with open_records(new_sqlite_url):
            pass
    assert query(database_file, "SELECT count(*) FROM messages") == [(2,)]


async def test_a_migration_that_fails_leaves_nothing_behind(
    new_sqlite_url: str, database_file: Path
) -> None:
    await trio.Path(database_file.parent).mkdir()
    query(database_file, "CREATE TABLE messages (body TEXT)")

    with pytest.raises(StorageError, match="table messages already exists"):
        async with open_records(new_sqlite_url):
            pass
    assert query(database_file, "SELECT name FROM sqlite_master") == [("messages",)]


async def test_migrating_leaves_logging_alone(new_sqlite_url: str) -> None:
    root, alembic = logging.getLogger(), logging.getLogger("alembic")
    before = (root.level, list(root.handlers), alembic.level, alembic.disabled)
    await store_a_turn(new_sqlite_url)

    assert (root.level, list(root.handlers), alembic.level, alembic.disabled) == before


async def test_a_file_that_is_no_database_is_refused_and_untouched(
    new_sqlite_url: str, database_file: Path
) -> None:
    path, diary = trio.Path(database_file), "Dear diary, " * 100
    await path.parent.mkdir()
    await path.write_text(diary)

    with pytest.raises(StorageError, match=r"LEGATO_DATABASE_URL: .* file is not a database"):
        async with open_records(new_sqlite_url):
            pass
    assert await path.read_text() == diary


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageError, match=r"LEGATO_DATABASE_URL: .* Found 'sqlite:.*allowed are"):
        async with open_records(f"sqlite:///{tmp_path}/file/legato.db"):
            pass


async def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="unable to open database file"):
        async with open_records(f"sqlite:///{tmp_path}"):
            pass


async def test_a_damaged_row_is_an_error_for_people(
    new_sqlite_url: str, database_file: Path
) -> None:
    await store_a_turn(new_sqlite_url)
    query(database_file, "UPDATE messages SET content = '[{' WHERE message_id = 'a1'")

    async with open_records(new_sqlite_url) as records:
        with pytest.raises(StorageError, match="a row this version cannot read"):
            await records.messages("c1")


async def test_a_failing_database_says_why_and_repeats_no_text(
    new_sqlite_url: str, database_file: Path
) -> None:
    await store_a_turn(new_sqlite_url)

    async with open_records(new_sqlite_url) as records:
        query(database_file, "DROP TABLE messages")
        with pytest.raises(StorageError, match="no such table: messages") as failed:
            await records.open_turn(conversation(), question("q2", text="my secret"))
    assert "secret" not in f"{failed.value} {failed.value.__cause__}"


def test_the_newest_revision_is_that_of_the_last_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [NEWEST]


async def test_what_is_current_is_opened_without_what_migrates(new_sqlite_url: str) -> None:
    await store_a_turn(new_sqlite_url)
    code = (
        "import sys, trio; from legato.storage.open import open_storage\n"
        "async def main():\n"
        "    async with open_storage(sys.argv[1]): print('alembic' in sys.modules)\n"
        "trio.run(main)"
    )
    done = await trio.run_process([sys.executable, "-c", code, new_sqlite_url], capture_stdout=True)

    assert done.stdout == b"False\n"


async def test_a_file_that_was_deleted_is_written_to_no_more_and_read_on(
    new_sqlite_url: str, database_file: Path
) -> None:
    await store_a_turn(new_sqlite_url)
    file, away = trio.Path(database_file), trio.Path(database_file.with_name("away"))
    async with open_records(new_sqlite_url) as records:
        assert len(await records.messages("c1")) == 2
        await file.rename(away)
        for write in (records.ping(), records.close_turn(answer(), job_id="j2")):
            with pytest.raises(Unavailable, match=rf"deleted while Legato runs: {database_file}\."):
                await write
        assert len(await records.messages("c1")) == 2
        assert not await file.exists(), "nor is another made in its place"
        await away.rename(file)
        await records.ping()


async def test_a_file_that_was_replaced_is_said_to_be(
    new_sqlite_url: str, database_file: Path
) -> None:
    async with open_records(new_sqlite_url) as records:
        await trio.Path(database_file).rename(database_file.with_name("away"))
        await trio.Path(database_file).touch()
        with pytest.raises(Unavailable, match="file was replaced while Legato runs"):
            await records.ping()


async def test_a_database_that_was_not_there_is_said_to_be_new(
    new_sqlite_url: str, database_file: Path
) -> None:
    for made in (f"sqlite:///{database_file}", None):
        async with open_storage(new_sqlite_url) as storage:
            assert storage.made == made


async def test_a_lock_that_others_hold_is_no_longer_waited_for_than_the_work_has(
    new_sqlite_url: str, database_file: Path
) -> None:
    await store_a_turn(new_sqlite_url)
    async with open_storage(new_sqlite_url, timeout_=0.1) as storage:
        with closing(sqlite3.connect(database_file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = trio.current_time()
            with pytest.raises(Unavailable, match="database is locked"):
                await storage.records.close_turn(answer(), job_id="j2")
            assert trio.current_time() - began < BUSY_TIMEOUT
        await storage.records.close_turn(answer(), job_id="j2")


async def test_a_statement_that_takes_too_long_is_interrupted(new_sqlite_url: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    url = make_url(new_sqlite_url)
    await store_a_turn(new_sqlite_url)
    database = Database(make_engines(url), timeout=0.1)
    with pytest.raises(Unavailable, match="did not answer within"):
        await database.write(lambda connection: connection.execute(text(endless)))
    with trio.fail_after(10):  # the only connection is free again
        await database.ping()
    await database.aclose()


async def test_a_write_that_was_given_up_is_not_there_later(new_sqlite_url: str) -> None:
    await store_a_turn(new_sqlite_url)
    database, let_go = Database(make_engines(make_url(new_sqlite_url)), timeout=0.1), Event()

    def write(connection: Connection) -> None:
        connection.execute(text("UPDATE conversations SET title = 'late'"))
        let_go.wait()

    with pytest.raises(Unavailable, match="did not answer within"):
        await database.write(write)
    let_go.set()
    await database.ping()  # the second write comes after the first
    await database.aclose()
    async with open_records(new_sqlite_url) as records:
        assert (await records.conversation("c1") or conversation()).title != "late"
