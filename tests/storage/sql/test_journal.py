"""Journals in databases only: rows that cannot be read, and rows of former versions."""

from contextlib import AsyncExitStack

import pytest
from ulid import ULID

from legato.content import Message
from legato.events import Created, StepStarted, TextDelta
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Entries, Journal, OrphanedJob, Refusal
from legato.storage.open import open_storage
from tests.support.storage.sql import downgrade, execute
from tests.support.storage.turns import conversation, question

EVENTS = (Created(question(), "a1", "model"), StepStarted(0, "text"), TextDelta(0, "x"))


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
        execute(sql_url, "ALTER TABLE entries RENAME TO elsewhere")

        with pytest.raises(StorageError, match=r"entries"):
            await journal.append([Entries("j", 1, 1, EVENTS)])
        execute(sql_url, "ALTER TABLE elsewhere RENAME TO entries")
    async with AsyncExitStack() as stack:
        assert await (await opened(stack, sql_url)).take_over() == [], "and the job was not begun"


async def test_conversations_and_jobs_of_former_versions_are_still_there(sql_url: str) -> None:
    async with open_storage(sql_url) as storage:
        await storage.records.open_turn(conversation(), question())
    downgrade(sql_url, "0001")
    async with AsyncExitStack() as stack:
        await (await opened(stack, sql_url)).append([Entries("j", 1, 1, EVENTS)])
    downgrade(sql_url, "0002")
    async with open_storage(sql_url) as storage:
        assert storage.journal is not None
        taken = await storage.journal.take_over()
        kept = await storage.journal.read("j")
        found: list[Message] = await storage.records.messages("c1")

    assert [*taken] == [OrphanedJob("j", epoch=2, attempts=1, marked_done=False)]
    assert [*kept.entries] == [Entries("j", 1, 1, EVENTS)]
    assert len(found) == 1


async def test_what_former_versions_kept_is_gone_on_with_where_it_ends(sql_url: str) -> None:
    async with AsyncExitStack() as stack:
        await (await opened(stack, sql_url)).append([Entries("j", 1, 1, EVENTS)])
    downgrade(sql_url, "0007")
    async with AsyncExitStack() as stack:
        journal = await opened(stack, sql_url)
        await journal.take_over()
        above = Entries("j", 2, 5, EVENTS[2:])
        assert [*await journal.append([above])] == [Refusal("j", "forgotten")]
        following = Entries("j", 2, 4, EVENTS[2:])
        assert [*await journal.append([following])] == []

        assert (await journal.read("j")).entries == [Entries("j", 1, 1, EVENTS), following]


async def test_what_former_versions_left_behind_a_later_owners_word_is_not_heard(
    sql_url: str,
) -> None:
    async with AsyncExitStack() as stack:
        journal = await opened(stack, sql_url)
        await journal.append([Entries("j", 1, 1, EVENTS[:1])])
        for row in ("3, 1", "2, 2"):
            execute(
                sql_url,
                "INSERT INTO entries (job_id, first, epoch, version, events)"
                f" SELECT 'j', {row}, 1, events FROM entries WHERE first = 1",
            )
        kept = await journal.read("j")

    assert kept.fault is None
    assert [(each.epoch, each.first) for each in kept.entries] == [(1, 1), (2, 2)]


async def test_a_tombstone_is_removed_after_a_day(sql_url: str) -> None:
    old, new = "01M0000000TJJKRR16F0RWQP01", str(ULID())
    for _ in range(2):
        async with AsyncExitStack() as stack:
            journal = await opened(stack, sql_url)
            await journal.append([Entries(job, 1, 1, EVENTS[:1]) for job in (old, new, "last")])
            await journal.take_over()
    async with AsyncExitStack() as stack:
        journal = await opened(stack, sql_url)
        await journal.take_over()
        await journal.forget([old, new])
        late = [Entries(job, 1, 2, EVENTS[1:]) for job in (old, new)]
        refusals = [*await journal.append(late)]

    assert refusals == [Refusal(old, "forgotten"), Refusal(new, "fenced")]
