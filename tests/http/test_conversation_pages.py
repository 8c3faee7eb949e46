"""Conversations, page by page."""

from urllib.parse import quote

import pytest

from tests.support.http.client import Client


async def conversations(ann: Client, count: int) -> list[str]:
    """Their ids, last changed first."""
    finals = [await ann.finish(f"question {number}") for number in range(count)]
    return [final["conversation"]["conversationId"] for final in reversed(finals)]


async def test_pages_follow_each_other_to_the_end(ann: Client, bob: Client) -> None:
    ids = await conversations(ann, 5)
    await conversations(bob, 1)
    seen: list[str] = []
    sizes = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await ann.get(f"/api/convos?limit=2{cursor and '&cursor=' + cursor}")).body
        seen += [each["conversationId"] for each in page["conversations"]]
        sizes.append(len(page["conversations"]))
        cursor = page["nextCursor"]

    assert seen == ids
    assert sizes == [2, 2, 1]


async def test_a_page_that_holds_all_has_no_next(ann: Client) -> None:
    await conversations(ann, 2)
    page = (await ann.get("/api/convos?limit=2")).body

    assert (len(page["conversations"]), page["nextCursor"]) == (2, None)


async def test_a_changed_conversation_is_first(ann: Client) -> None:
    newer, older = await conversations(ann, 2)
    await ann.finish("again", conversationId=older)
    page = (await ann.get("/api/convos")).body

    assert [each["conversationId"] for each in page["conversations"]] == [older, newer]


async def test_a_page_has_25_unless_asked_otherwise(ann: Client) -> None:
    await conversations(ann, 26)
    default = (await ann.get("/api/convos")).body
    most = (await ann.get("/api/convos?limit=100")).body

    assert len(default["conversations"]) == 25
    assert default["nextCursor"]
    assert len(most["conversations"]) == 26


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "x", "", "٣", "9" * 5000, " 1"])
async def test_a_limit_that_is_none_is_refused(ann: Client, limit: str) -> None:
    reply = await ann.get(f"/api/convos?limit={quote(limit)}")

    assert (reply.status, reply.body["param"]) == (400, "limit")
    assert f"found '{limit}"[:40] in reply.body["message"]
    assert len(reply.text) < 500


@pytest.mark.parametrize("cursor", ["x", "", "e30", "%ff%fe", "%00", "A" * 5000, "bnVsbA", "W10"])
async def test_a_cursor_that_no_page_gave_is_refused(ann: Client, cursor: str) -> None:
    reply = await ann.get(f"/api/convos?cursor={cursor}")

    assert (reply.status, reply.body["param"]) == (400, "cursor")
    assert "nextCursor" in reply.body["message"]


async def test_a_foreign_cursor_shows_nothing_foreign(ann: Client, bob: Client) -> None:
    await conversations(ann, 3)
    own = await conversations(bob, 1)
    cursor = (await ann.get("/api/convos?limit=1")).body["nextCursor"]
    page = (await bob.get(f"/api/convos?cursor={cursor}")).body

    assert {each["conversationId"] for each in page["conversations"]} <= set(own)
