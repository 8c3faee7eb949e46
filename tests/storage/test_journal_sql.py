"""The journals' own in databases: rows that cannot be read, and former versions."""

from contextlib import AsyncExitStack

import pytest

from legato.content import Message
from legato.events import Created, StepStarted, TextDelta
from legato.storage.contract import Abandoned, Entries, Journal, StorageError
from legato.storage.records import open_storage
from tests.storage.sql import execute
from tests.storage.turns import conversation, question

EVENTS = (Created(question(), "a1", "model"), StepStarted(0, "text"), TextDelta(0, "x"))


LATER = [
    *(f"DROP TABLE {name}" for name in ("api_keys", "responses", "bans", "violations")),
    "DROP INDEX ix_messages_job",
    "ALTER TABLE messages DROP COLUMN job_id",
]
"""What came after the journal."""


async def opened(stack: AsyncExitStack, database_url: str) -> Journal:
    storage = await stack.enter_async_context(open_storage(database_url))
    assert storage.journal is not None
    return storage.journal


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("events = 'nonsense'", "JSON is malformed"),
        ('events = \'[{"type":"Nonsense"}]\'', "Invalid value 'Nonsense'"),
        ("version = 7", "they are of form 7; this version of Legato knows 1"),
    ],
)
async def test_what_this_version_cannot_read_is_said_and_the_rest_read(
    change: str, fault: str, sql_url: str
) -> None:
    async with AsyncExitStack() as stack:
        journal = await opened(stack, sql_url)
        good = Entries("j", 1, 1, EVENTS[:2])
        await journal.append([good])
        await journal.append([Entries("j", 1, 3, EVENTS[2:])])
        execute(sql_url, f"UPDATE entries SET {change} WHERE first = 3")
        kept = await journal.read("j")

    assert [*kept.entries] == [good]
    assert kept.fault is not None
    assert kept.fault.startswith(f"its entries from 3 on: {fault}")


async def test_a_journal_whose_tables_are_gone_is_an_error_for_people(sql_url: str) -> None:
    async with AsyncExitStack() as stack:
        journal = await opened(stack, sql_url)
        execute(sql_url, "DROP TABLE entries")

        with pytest.raises(StorageError, match=r"entries"):
            await journal.append([Entries("j", 1, 1, EVENTS)])
        assert await journal.take_over() == [], "and the job was not begun"


async def test_conversations_and_jobs_of_former_versions_are_still_there(sql_url: str) -> None:
    async with open_storage(sql_url) as storage:
        await storage.records.open_turn(conversation(), question())
    execute(
        sql_url,
        *LATER,
        "DROP TABLE entries",
        "DROP TABLE jobs",
        "UPDATE alembic_version SET version_num = '0001'",
    )
    async with AsyncExitStack() as stack:
        await (await opened(stack, sql_url)).append([Entries("j", 1, 1, EVENTS)])
    execute(
        sql_url,
        *LATER,
        "ALTER TABLE jobs DROP COLUMN epoch",
        "UPDATE alembic_version SET version_num = '0002'",
    )
    async with open_storage(sql_url) as storage:
        assert storage.journal is not None
        taken = await storage.journal.take_over()
        kept = await storage.journal.read("j")
        found: list[Message] = await storage.records.messages("c1")

    assert [*taken] == [Abandoned("j", epoch=2, attempts=1, settled=False)]
    assert [*kept.entries] == [Entries("j", 1, 1, EVENTS)]
    assert len(found) == 1
