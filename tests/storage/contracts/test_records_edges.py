"""The promises of every implementation of Records about odd texts, cancelled tasks and closing."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
import trio.testing

from legato.storage.contracts.errors import RequestTaken, StorageError, StoredTurn, UnstorableText
from legato.storage.contracts.records import Records
from legato.storage.open import open_records
from tests.support.storage.turns import answer, conversation, question

HARD_TEXTS = [
    "",
    "\r\n\u2028",
    "e\u0301 🎼 \U0010ffff",
    "'; DROP TABLE x; --",
    "\ufeff \ufffe",
]


@pytest.mark.parametrize("text", HARD_TEXTS)
async def test_a_text_comes_back_as_it_was_given(records: Records, text: str) -> None:
    await records.open_turn(
        conversation(user=f"u{text}", title=text), question(text=text), request_id=text
    )
    await records.close_turn(answer(text=text), job_id="j1")

    asked, answered = await records.messages("c1")
    assert asked.text == text
    assert answered.content == answer(text=text).content
    [listed] = (await records.conversations(f"u{text}", limit=1)).conversations
    assert listed.title == text
    assert await records.turn_of_request(f"u{text}", text) == StoredTurn("c1", "q1")


async def test_nul_comes_back_or_is_refused_by_name(records: Records, holds_nul: bool) -> None:
    await records.open_turn(conversation(), question())
    await records.close_turn(answer(text="nul \0 inside"), job_id="j1")
    if holds_nul:
        await records.open_turn(conversation(), question("q2", text="nul \0 inside"))
    else:
        with pytest.raises(UnstorableText, match=r"cannot contain NUL"):
            await records.open_turn(conversation(), question("q2", text="nul \0 inside"))

    found = await records.messages("c1")
    assert found[1].content == answer(text="nul \0 inside").content
    assert [message.text for message in found[2:]] == ["nul \0 inside"] * holds_nul


async def test_a_long_text_comes_back_as_it_was_given(records: Records) -> None:
    text = "a🎼\0" * 1_000_000
    await records.open_turn(conversation(), question())
    await records.close_turn(answer(text=text), job_id="j1")

    assert (await records.messages("c1"))[1].content == answer(text=text).content


async def test_half_of_a_surrogate_pair_is_refused_by_name(records: Records) -> None:
    opened = await records.open_turn(conversation(), question())
    found = r"lone surrogate, U\+D83C at character 3"
    with pytest.raises(UnstorableText, match=found):
        await records.open_turn(conversation(), question("q2", text="abc\ud83c"))
    with pytest.raises(UnstorableText, match=found):
        await records.close_turn(answer(text="abc\ud83c"), job_id="j1")
    with pytest.raises(UnstorableText, match=found):
        await records.retitle("c1", "abc\ud83c")

    assert len(await records.messages("c1")) == 1
    assert await records.conversation("c1") == opened


async def test_many_tasks_may_write_at_once(records: Records) -> None:
    async def turn(number: int) -> None:
        name = f"c{number % 5}"
        await records.open_turn(
            conversation(name), question(f"q{number}", name), request_id=f"r{number}"
        )
        await records.close_turn(answer(f"a{number}", name), job_id="j1")

    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(turn, number)

    for start in range(5):
        stored = [message.message_id for message in await records.messages(f"c{start}")]
        numbers = range(start, 100, 5)
        assert sorted(stored) == sorted([f"{kind}{n}" for n in numbers for kind in "aq"])
        assert all(stored.index(f"q{n}") < stored.index(f"a{n}") for n in numbers)


async def test_one_of_many_with_the_same_request_id_starts(records: Records) -> None:
    won, refused = list[str](), list[StoredTurn]()

    async def start(name: str) -> None:
        try:
            await records.open_turn(conversation(), question(name), request_id="r")
        except RequestTaken as error:
            refused.append(error.turn)
        else:
            won.append(name)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(start, f"q{number}")

    [winner] = won
    assert refused == [StoredTurn("c1", winner)] * 9
    assert [message.message_id for message in await records.messages("c1")] == [winner]


async def test_a_write_cancelled_before_it_began_stores_nothing(records: Records) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await records.open_turn(conversation(), question())

    assert scope.cancelled_caught
    assert await records.conversation("c1") is None
    assert await records.messages("c1") == []


async def test_every_method_is_a_checkpoint(records: Records) -> None:
    calls: list[Callable[[], Awaitable[object]]] = [
        partial(records.open_turn, conversation(), question()),
        partial(records.close_turn, answer(), job_id="j1"),
        partial(records.answer, "j1"),
        partial(records.messages, "c1"),
        partial(records.conversation, "c1"),
        partial(records.conversations, "ann", limit=1),
        partial(records.turn_of_request, "ann", "r"),
        partial(records.retitle, "c1", "T"),
        partial(records.delete_conversation, "c1"),
        partial(records.ping),
    ]
    for call in calls:
        with trio.testing.assert_checkpoints():
            await call()


async def test_ping_returns_and_closed_records_refuse(database_url: str) -> None:
    async with open_records(database_url) as records:
        await records.ping()

    for call in (
        records.ping,
        partial(records.messages, "c1"),
        partial(records.close_turn, answer(), job_id="j1"),
    ):
        with pytest.raises(StorageError, match="The storage is closed"):
            await call()


async def test_closing_twice_is_harmless(records: Records) -> None:
    await records.aclose()
    await records.aclose()


async def test_records_close_though_their_owner_is_cancelled(database_url: str) -> None:
    with trio.CancelScope() as scope:
        async with open_records(database_url) as records:
            scope.cancel()
            await trio.lowlevel.checkpoint()

    assert scope.cancelled_caught
    with pytest.raises(StorageError, match="closed"):
        await records.ping()
