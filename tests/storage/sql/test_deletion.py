"""A conversation of gigabytes is deleted in steps, between which other tasks write."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import trio
import trio.testing

from legato.storage.contracts.erasure import Erased, total
from legato.storage.open import Storage, open_storage
from legato.storage.sql.deletion import MESSAGES_A_STEP
from tests.support.storage.turns import START, SteppedClock, conversation, question

LONG = 5 * MESSAGES_A_STEP + 2
"""Messages for six steps."""


@pytest.fixture
async def storage(sql_url: str, clock: SteppedClock) -> AsyncIterator[Storage]:
    async with open_storage(sql_url, clock=clock) as opened:
        yield opened


async def put(storage: Storage, name: str, messages: int = LONG) -> None:
    for number in range(messages):
        await storage.records.open_turn(conversation(name), question(f"{name} {number}", name))


async def left(storage: Storage, name: str) -> list[str]:
    return [message.message_id for message in await storage.records.messages(name)]


async def test_others_write_while_a_long_conversation_is_deleted(
    sqlite_url: str, clock: SteppedClock
) -> None:
    """SQLite has one writer: each write waits for the writes before."""
    done: list[str] = []

    async def delete() -> None:
        assert await opened.records.delete_conversation("long")
        done.append("deleted")

    async def write() -> None:
        await put(opened, "other", 1)
        done.append("written")

    async with open_storage(sqlite_url, clock=clock) as opened:
        await put(opened, "long")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(delete)
            await trio.testing.wait_all_tasks_blocked()  # the first step is under way
            nursery.start_soon(write)
        assert await left(opened, "long") == []
        assert await opened.records.conversation("long") is None

    assert done == ["written", "deleted"]


@pytest.mark.parametrize("messages", [0, 1, MESSAGES_A_STEP, MESSAGES_A_STEP + 1])
async def test_a_conversation_of_any_length_is_deleted(storage: Storage, messages: int) -> None:
    await put(storage, "c", messages)

    assert await storage.records.delete_conversation("c") is (messages > 0)
    assert await storage.records.conversation("c") is None
    assert await storage.records.delete_conversation("c") is False


async def test_a_step_removes_the_oldest_messages_of_a_long_conversation(storage: Storage) -> None:
    await put(storage, "c")
    step = await storage.erasure.erase("ann", most=50)

    assert step == Erased(messages=MESSAGES_A_STEP)
    assert (await left(storage, "c"))[0] == f"c {MESSAGES_A_STEP}"


@pytest.mark.parametrize("kind", ["erase", "expire"])
async def test_all_is_removed_step_by_step_and_counted(storage: Storage, kind: str) -> None:
    for name, messages in (("short", 2), ("long", LONG), ("other", 3)):
        await put(storage, name, messages)
    steps: list[Erased] = []
    while not steps or any(steps[-1]):
        if kind == "erase":
            steps.append(await storage.erasure.erase("ann", most=50))
        else:
            steps.append(await storage.erasure.expire(START + timedelta(days=1), most=50))

    assert total(steps) == Erased(conversations=3, messages=LONG + 5)
    assert max(step.messages for step in steps) <= MESSAGES_A_STEP
    assert (await storage.records.conversations("ann", limit=9)).conversations == ()
