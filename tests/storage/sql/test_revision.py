"""Databases without the tables of the revision in their `alembic_version`."""

import pytest

from legato.storage.contracts.errors import StorageError
from legato.storage.open import open_records
from tests.support.storage.sql import execute


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ("DROP TABLE bans", "the table bans"),
        ("DROP TABLE message_words", "the table message_words"),
        ("ALTER TABLE responses DROP COLUMN previous_id", "the column responses.previous_id"),
    ],
)
async def test_what_is_missing_is_named(change: str, missing: str, sql_url: str) -> None:
    async with open_records(sql_url):
        pass
    execute(sql_url, change)

    with pytest.raises(
        StorageError, match=rf"LEGATO_DATABASE_URL: its tables are not .*; missing: {missing}\."
    ):
        async with open_records(sql_url):
            pass


async def test_a_trigger_that_is_missing_is_named(sql_url: str) -> None:
    is_sqlite = sql_url.startswith("sqlite")
    name = "count_new_message" if is_sqlite else "count_message"
    async with open_records(sql_url):
        pass
    execute(sql_url, f"DROP TRIGGER {name}" + ("" if is_sqlite else " ON messages"))

    with pytest.raises(StorageError, match=rf"missing: the trigger {name}\."):
        async with open_records(sql_url):
            pass


async def test_what_is_there_besides_does_no_harm(sql_url: str) -> None:
    async with open_records(sql_url):
        pass
    execute(sql_url, "CREATE TABLE theirs (id TEXT)", "ALTER TABLE bans ADD COLUMN note TEXT")

    async with open_records(sql_url) as records:
        await records.ping()
