"""The promises of every implementation of Records about pages of messages."""

import pytest
from msgspec.structs import replace

from legato.storage.contracts.errors import InvalidCursor
from legato.storage.contracts.records import Records
from legato.storage.paging import Position, encode_cursor
from tests.support.storage.turns import conversation, question

MUCH = 10**6


async def store(records: Records, name: str, count: int, text: str = "x") -> None:
    for number in range(count):
        asked = replace(question(f"{name}-{number}", name), text=text)
        await records.open_turn(conversation(name, "ann"), asked)


async def pages(records: Records, name: str, limit: int, most: int = MUCH) -> list[list[str]]:
    found = list[list[str]]()
    cursor = None
    while len(found) < 100:  # more than any test has
        page = await records.message_page(name, limit=limit, most=most, cursor=cursor)
        found.append([each.message_id for each in page.messages])
        if (cursor := page.next_cursor) is None:
            return found
    raise AssertionError(f"the pages never end: {found}")


async def test_a_conversation_without_messages_has_one_empty_page(records: Records) -> None:
    assert await pages(records, "c1", 3) == [[]]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
async def test_pages_lead_back_from_the_newest_and_hold_each_once(
    records: Records, limit: int
) -> None:
    await store(records, "c0", 2)
    await store(records, "c1", 5)
    found = await pages(records, "c1", limit)

    assert [name for page in reversed(found) for name in page] == [f"c1-{n}" for n in range(5)]
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)


async def test_a_page_holds_so_many_characters_and_one_message_at_least(records: Records) -> None:
    await store(records, "c1", 4, "x" * 100)

    assert await pages(records, "c1", 9, 250) == [["c1-2", "c1-3"], ["c1-0", "c1-1"]]
    assert await pages(records, "c1", 9, 1) == [[f"c1-{n}"] for n in (3, 2, 1, 0)]


async def test_what_comes_meanwhile_changes_no_page_before(records: Records) -> None:
    await store(records, "c1", 3)
    first = await records.message_page("c1", limit=1, most=MUCH)
    await records.open_turn(conversation("c1", "ann"), question("new", "c1"))
    second = await records.message_page("c1", limit=9, most=MUCH, cursor=first.next_cursor)

    assert [each.message_id for each in second.messages] == ["c1-0", "c1-1"]


@pytest.mark.parametrize("cursor", ["", "x", "e30", "é", "a" * 5000])
async def test_a_cursor_that_is_none_is_refused(records: Records, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await records.message_page("c1", limit=1, most=MUCH, cursor=cursor)


async def test_a_cursor_of_another_conversation_is_refused(records: Records) -> None:
    await store(records, "c1", 2)
    page = await records.message_page("c1", limit=1, most=MUCH)
    with pytest.raises(InvalidCursor):
        await records.message_page("c2", limit=1, most=MUCH, cursor=page.next_cursor)


@pytest.mark.parametrize("place", [-(2**62), -1, 0])
async def test_before_the_first_there_is_nothing(records: Records, place: int) -> None:
    await store(records, "c1", 2)
    page = await records.message_page(
        "c1", limit=1, most=MUCH, cursor=encode_cursor(Position(place, "c1"))
    )

    assert (list(page.messages), page.next_cursor) == ([], None)
