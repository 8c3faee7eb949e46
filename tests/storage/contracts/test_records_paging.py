"""The promises of every implementation of Records about pages of conversations."""

import json
from base64 import urlsafe_b64encode

import pytest

from legato.storage.contracts.errors import InvalidCursor
from legato.storage.contracts.records import Records
from tests.support.storage.turns import SteppedClock, answer, conversation, question


async def store(records: Records, *names: str, user: str = "ann") -> None:
    for name in names:
        await records.open_turn(conversation(name, user), question(f"q-{name}", name))


async def pages(records: Records, limit: int, user: str = "ann") -> list[list[str]]:
    found = list[list[str]]()
    cursor = None
    while len(found) < 100:  # more than any test has
        page = await records.conversations(user, limit=limit, cursor=cursor)
        found.append([each.conversation_id for each in page.conversations])
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError(f"the pages never end: {found}")


def encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


async def test_a_user_without_conversations_has_one_empty_page(records: Records) -> None:
    await store(records, "c1", user="bob")

    assert await pages(records, 3) == [[]]


async def test_conversations_come_last_changed_first(records: Records, clock: SteppedClock) -> None:
    for name in ("c1", "c2", "c3"):
        await store(records, name)
        clock.advance()
    await records.close_turn(answer("a1", "c1"), job_id="j1")

    assert await pages(records, 5) == [["c1", "c3", "c2"]]


async def test_only_the_users_own_are_listed(records: Records) -> None:
    await store(records, "c1", user="ann")
    await store(records, "c2", user="bob")

    assert await pages(records, 5, "ann") == [["c1"]]
    assert await pages(records, 5, "bob") == [["c2"]]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
async def test_pages_hold_each_conversation_once_with_equal_timestamps(
    records: Records, clock: SteppedClock, limit: int
) -> None:
    await store(records, "c4", "c2")
    clock.advance()
    await store(records, "c5", "c1", "c3")

    found = await pages(records, limit)
    assert [name for page in found for name in page] == ["c1", "c3", "c5", "c2", "c4"]
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert found[-1]


async def test_changes_between_pages_repeat_nothing(records: Records, clock: SteppedClock) -> None:
    for name in ("c1", "c2", "c3", "c4"):
        await store(records, name)
        clock.advance()
    first = await records.conversations("ann", limit=2)
    await records.close_turn(
        answer("a1", "c4"), job_id="j1"
    )  # shown already: goes to the front again
    await records.delete_conversation("c3")  # where the cursor stands
    await store(records, "c5")

    assert [each.conversation_id for each in first.conversations] == ["c4", "c3"]
    second = await records.conversations("ann", limit=2, cursor=first.next_cursor)
    assert [each.conversation_id for each in second.conversations] == ["c2", "c1"]
    assert second.next_cursor is None


async def test_a_cursor_is_safe_in_a_url_whatever_the_id(records: Records, holds_nul: bool) -> None:
    names = ["??>>~~ÿ", "a b&c=d", "🎼", "nul\0" if holds_nul else "\1", '"\\']
    await store(records, *names)

    page = await records.conversations("ann", limit=1)
    assert page.next_cursor is not None
    assert page.next_cursor.replace("-", "").replace("_", "").isalnum()
    assert sorted(await pages(records, 1)) == sorted([name] for name in names)


MALFORMED = {
    "empty": "",
    "not base64": "!!!!",
    "not ascii": "🎼",
    "a surrogate": "\ud800",
    "not json": urlsafe_b64encode(b"{").decode(),
    "not utf-8": urlsafe_b64encode(b'{"primary":1,"secondary":"\xff"}').decode(),
    "not an object": encoded([1, "c"]),
    "null": encoded(None),
    "a field missing": encoded({"primary": 1}),
    "a field too many": encoded({"primary": 1, "secondary": "c", "user": "bob"}),
    "text for a number": encoded({"primary": "1", "secondary": "c"}),
    "a number for text": encoded({"primary": 1, "secondary": 2}),
    "a fraction": encoded({"primary": 1.5, "secondary": "c"}),
    "a number past 64 bits": encoded({"primary": 10**40, "secondary": "c"}),
    "padded": encoded({"primary": 1, "secondary": "cc"}) + "==",
    "with a newline": encoded({"primary": 1, "secondary": "ccc"}) + "\n",
    "huge": encoded({"primary": 1, "secondary": "c" * 100_000}),
}


@pytest.mark.parametrize("cursor", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_cursor_is_refused_for_people(records: Records, cursor: str) -> None:
    with pytest.raises(InvalidCursor, match="must be the nextCursor of a page") as refused:
        await records.conversations("ann", limit=1, cursor=cursor)

    assert len(str(refused.value)) < 400


async def test_a_page_has_room_for_one_at_least(records: Records) -> None:
    with pytest.raises(ValueError, match="1 or more; found 0"):
        await records.conversations("ann", limit=0)
