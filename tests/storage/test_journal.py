"""What every implementation of Journal promises; and of SQLite's, what its owners' locks do."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from legato.content import Message, Part, TextPart, ToolCall, Usage
from legato.events import (
    AnyEvent,
    ArgumentsDelta,
    Created,
    Failed,
    Finished,
    ReasoningDelta,
    StepCompleted,
    StepStarted,
    Stopped,
    TextDelta,
)
from legato.storage.contract import Abandoned, Entries, Journal, Kept, StorageError, UnstorableText
from legato.storage.memory_journal import MemoryJournal, Shelf
from legato.storage.owners import FileOwners
from legato.storage.records import open_storage
from tests.storage.turns import answer, conversation, question

CALL = ToolCall("t", "find", '{"q": 1}', output="it", progress=1.0)
KEPT: tuple[Part, ...] = (TextPart("so"),)
EVENTS: tuple[AnyEvent, ...] = (
    Created(question(), "a1", "model", KEPT, 3),
    StepStarted(0, "text"),
    TextDelta(0, 'Hi \0 "there" 👋\n'),
    StepStarted(1, "think"),
    ReasoningDelta(1, "hm"),
    StepStarted(2, "tool_call", ToolCall("t", "find")),
    ArgumentsDelta(2, '{"q": 1}'),
    StepCompleted(2, CALL),
    Finished(request=question(), response=answer(), conversation=conversation(), reason="length"),
)

Open = Callable[[], Awaitable[Journal]]


class Desk:
    """Journals on the same storage, each an owner of its own, as if each in its own process."""

    def __init__(self, stack: AsyncExitStack, sqlite_url: str | None) -> None:
        self._stack = stack
        self._sqlite_url = sqlite_url
        self._shelf = Shelf()

    async def open(self) -> tuple[Journal, Callable[[], Awaitable[None]]]:
        """A journal, and how its owner dies."""
        if self._sqlite_url is None:
            memory = MemoryJournal(self._shelf)

            async def close() -> None:
                memory.closed = True

            return memory, close
        mine = AsyncExitStack()
        storage = await mine.enter_async_context(open_storage(self._sqlite_url))
        self._stack.push_async_exit(mine)
        assert storage.journal is not None
        return storage.journal, mine.aclose


@pytest.fixture(params=["memory", "sqlite"])
async def desk(request: pytest.FixtureRequest, sqlite_url: str) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        yield Desk(stack, sqlite_url if request.param == "sqlite" else None)


@pytest.fixture
async def journal(desk: Desk) -> Journal:
    return (await desk.open())[0]


async def test_every_event_comes_back_as_it_was(journal: Journal) -> None:
    batch = [Entries("j", 1, 1, EVENTS[:4]), Entries("j", 2, 5, EVENTS[4:])]
    await journal.append(batch)

    assert await journal.read("j") == Kept(batch)


@pytest.mark.parametrize(
    "ending",
    [
        Stopped(usage=Usage(1, 2, 3), unsaved=True),
        Failed(reason="r", message="m", request=question()),
        Finished(usage=Usage(10**30, 0, 0)),
    ],
)
async def test_every_ending_does(ending: AnyEvent, journal: Journal) -> None:
    await journal.append([Entries("j", 1, 1, (EVENTS[0], ending))])

    assert [each.events for each in (await journal.read("j")).entries] == [(EVENTS[0], ending)]


async def test_jobs_do_not_mix(journal: Journal) -> None:
    one, other = Entries("j1", 1, 1, EVENTS[:2]), Entries("j2", 1, 1, EVENTS[:1])
    await journal.append([one, other])
    await journal.append([Entries("j2", 1, 2, EVENTS[1:3])])

    assert (await journal.read("j1")).entries == [one]
    assert [each.first for each in (await journal.read("j2")).entries] == [1, 2]
    assert await journal.read("j3") == Kept([])


async def test_what_is_appended_twice_is_there_once(journal: Journal) -> None:
    entries = Entries("j", 1, 1, EVENTS[:2])
    await journal.append([entries])
    await journal.append([entries])

    assert (await journal.read("j")).entries == [entries]


async def test_nothing_is_kept_of_a_batch_that_cannot_be(journal: Journal) -> None:
    await journal.append([Entries("good", 1, 1, EVENTS[:1]), Entries("bad", 1, 1, EVENTS[:1])])
    with pytest.raises(UnstorableText):
        await journal.append(
            [
                Entries("good", 1, 2, (TextDelta(0, "x"),)),
                Entries("bad", 1, 2, (TextDelta(0, "\ud800"),)),
            ]
        )

    assert len((await journal.read("good")).entries) == 1


async def test_jobs_of_a_dead_owner_are_taken_over_once(desk: Desk) -> None:
    first, die = await desk.open()
    await first.append([Entries("j1", 1, 1, EVENTS[:1]), Entries("j2", 1, 1, EVENTS[:1])])
    await first.settle(["j2", "of nobody"])
    second, _ = await desk.open()
    assert await second.take_over() == [], "it lives"
    await die()

    assert [*await second.take_over()] == [Abandoned("j1", 1, False), Abandoned("j2", 1, True)]
    third, _ = await desk.open()
    assert await third.take_over() == []
    assert await second.take_over() == []


async def test_every_taking_over_is_counted(desk: Desk) -> None:
    journal, die = await desk.open()
    await journal.append([Entries("j", 1, 1, EVENTS[:1])])
    for attempts in (1, 2, 3):
        await die()
        journal, die = await desk.open()
        assert [*await journal.take_over()] == [Abandoned("j", attempts, False)]


async def test_what_is_settled_is_counted_anew(desk: Desk) -> None:
    journal, die = await desk.open()
    await journal.append([Entries("j", 1, 1, EVENTS[:1])])
    for settled in (False, True, True):
        await die()
        journal, die = await desk.open()
        assert [*await journal.take_over()] == [Abandoned("j", 1, settled)]
        await journal.settle(["j"])


async def test_its_own_jobs_are_not_among_those_it_takes_over(desk: Desk) -> None:
    first, die = await desk.open()
    await first.append([Entries("theirs", 1, 1, EVENTS[:1])])
    second, _ = await desk.open()
    await second.append([Entries("mine", 1, 1, EVENTS[:1])])
    await die()

    assert [*await second.take_over()] == [Abandoned("theirs", 1, False)]


async def test_what_is_forgotten_is_gone(desk: Desk) -> None:
    journal, die = await desk.open()
    await journal.append([Entries("j", 1, 1, EVENTS)])
    await journal.forget(["j", "of nobody"])
    assert await journal.read("j") == Kept([])
    await die()

    assert await (await desk.open())[0].take_over() == []


async def test_a_closed_journal_says_so(desk: Desk) -> None:
    journal, close = await desk.open()
    await close()

    with pytest.raises(StorageError, match="closed"):
        await journal.append([])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("events = 'nonsense'", "JSON is malformed"),
        ('events = \'[{"type":"Nonsense"}]\'', "Invalid value 'Nonsense'"),
        (
            "version = 7",
            "they are of form 7; this version of Legato knows 1",
        ),
    ],
)
async def test_what_this_version_cannot_read_is_said_and_the_rest_read(
    change: str, fault: str, sqlite_url: str
) -> None:
    async with open_storage(sqlite_url) as storage:
        assert storage.journal is not None
        good = Entries("j", 1, 1, EVENTS[:2])
        await storage.journal.append([good, Entries("j", 1, 3, EVENTS[2:4])])
        engine = create_engine(sqlite_url)
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE entries SET {change} WHERE first = 3"))
        engine.dispose()
        kept = await storage.journal.read("j")

    assert [*kept.entries] == [good]
    assert kept.fault is not None
    assert kept.fault.startswith(f"its entries from 3 on: {fault}")


def test_an_owner_is_alive_as_long_as_it_holds_its_lock(tmp_path: Path) -> None:
    one, other = FileOwners(tmp_path / "l.db"), FileOwners(tmp_path / "l.db")
    assert not one.is_gone(one.me)
    assert not one.is_gone(other.me)
    assert one.is_gone("0" * 32), "of whom nothing is left"
    other._mine.close()  # as the end of its process does
    assert one.is_gone(other.me)
    one.sweep()

    assert [path.name for path in tmp_path.iterdir()] == [f"l.db-owner-{one.me}"]
    one.close()
    assert [*tmp_path.iterdir()] == []


async def test_a_conversation_in_a_database_of_the_former_version_is_still_there(
    sqlite_url: str,
) -> None:
    async with open_storage(sqlite_url) as storage:
        await storage.records.open_turn(conversation(), question())
        engine = create_engine(sqlite_url)
        with engine.begin() as connection:
            for statement in (
                "DROP TABLE entries",
                "DROP TABLE jobs",
                "UPDATE alembic_version SET version_num = '0001'",
            ):
                connection.execute(text(statement))
        engine.dispose()
    async with open_storage(sqlite_url) as storage:
        assert storage.journal is not None
        await storage.journal.append([Entries("j", 1, 1, EVENTS[:1])])
        found: list[Message] = await storage.records.messages("c1")

    assert len(found) == 1
