"""Lists of agents."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest

from tests.support.http.agents import made, patched, shared
from tests.support.http.client import Client


async def listed(client: Client, query: str = "") -> list[str]:
    reply = await client.get(f"/api/agents{query}")

    assert reply.status == 200, reply.text
    return [each["name"] for each in reply.body["data"]]


async def test_a_list_has_what_one_may_view_the_configurations_first(
    ann: Client, bob: Client
) -> None:
    mine = await made(ann, name="mine")
    await made(bob, name="bob's")
    await made(ann, name="newer")
    await patched(ann, mine["id"], description="changed")
    reply = (await ann.get("/api/agents")).body

    assert [each["name"] for each in reply["data"]] == ["helper", "mine", "newer"]
    assert (reply["object"], reply["has_more"], reply["after"]) == ("list", False, None)
    assert (reply["first_id"], reply["last_id"]) == ("helper", reply["data"][-1]["id"])
    assert reply["data"][1]["_id"] == mine["id"]
    assert (reply["data"][0]["is_promoted"], reply["data"][1]["is_promoted"]) == (True, False)
    assert await listed(bob) == ["helper", "secret", "bob's"]


@pytest.mark.parametrize("limit", range(1, 8))
async def test_pages_follow_one_another(bob: Client, limit: int) -> None:
    for number in range(4):
        await made(bob, name=str(number))
    seen: list[str] = []
    query = f"?limit={limit}"
    while True:
        page = (await bob.get(f"/api/agents{query}")).body
        seen += [each["name"] for each in page["data"]]
        assert page["has_more"] is (page["after"] is not None)
        assert len(page["data"]) == limit or not page["has_more"]
        if not page["has_more"]:
            break
        query = f"?limit={limit}&cursor={page['after']}"

    assert seen == ["helper", "secret", "3", "2", "1", "0"]


async def test_a_list_is_searched_and_filtered(ann: Client, bob: Client) -> None:
    agent = await made(ann, name="100% Über", category="law")
    other = await made(ann, name="plain", description="")
    await shared(ann, agent["id"], "bob", "viewer")
    await shared(ann, other["id"], "bob", "editor")

    assert await listed(bob, "?search=%25%20%C3%BCber") == ["100% Über"]
    assert await listed(bob, "?search=HELPS") == ["helper"]
    assert await listed(bob, "?category=law") == ["secret", "100% Über"]
    assert await listed(bob, "?requiredPermission=2") == ["plain"]
    assert await listed(bob, "?requiredPermission=8") == []
    assert await listed(bob, "?promoted=1") == ["helper", "secret"]
    assert await listed(bob, "?promoted=0") == ["plain", "100% Über"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "promoted=2",
        "requiredPermission=16",
        "search=" + "x" * 101,
        "search=%00",
        "category=%00",
        "cursor=x",
        "cursor=" + urlsafe_b64encode(b'{"primary":1,"secondary":2}').decode(),
        "cursor=" + urlsafe_b64encode(b'{"primary":99999999999999999999,"secondary":""}').decode(),
    ],
)
async def test_a_query_that_cannot_be_is_refused_by_name(ann: Client, query: str) -> None:
    reply = await ann.get(f"/api/agents?{query}")

    assert reply.status == 400
    assert reply.body["param"] == query.partition("=")[0]


async def test_a_forged_cursor_shows_nothing_of_others(ann: Client, bob: Client) -> None:
    await made(bob, name="bob's")
    cursor = urlsafe_b64encode(b'{"primary":4611686018427387903,"secondary":"a"}').decode()

    assert await listed(ann, f"?cursor={cursor.rstrip('=')}") == []


async def test_categories_are_counted(bob: Client) -> None:
    await made(bob, category="sales")
    await made(bob, category="zoology")
    found: list[dict[str, Any]] = (await bob.get("/api/agents/categories")).body
    counts = {each["value"]: each["count"] for each in found}

    assert (found[0]["value"], found[-1]["value"]) == ("promoted", "all")
    assert counts == {
        **dict.fromkeys(["hr", "rd", "finance", "it", "aftersales"], 0),
        "promoted": 2,
        "general": 1,
        "law": 1,
        "sales": 1,
        "zoology": 1,
        "all": 4,
    }
