"""OpenAI's Conversations: a log of responses and of added items."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from legato.config import Guards
from tests.support.http.client import Client, Reply
from tests.support.openai.asked import (
    PATH,
    ann_asking,
    asked,
    bob_beside,
    created,
    model_of,
    refusal,
    running,
)

CONVERSATIONS = "/v1/conversations"
HI: dict[str, Any] = {"role": "user", "content": "Hi"}


async def begun(client: Client, **fields: Any) -> str:
    reply = await client.post(CONVERSATIONS, fields)
    assert reply.status == 200, reply.text
    return str(reply.body["id"])


async def listed(client: Client, name: str, query: str = "?order=asc") -> list[dict[str, Any]]:
    reply = await client.get(f"{CONVERSATIONS}/{name}/items{query}")
    assert reply.status == 200, reply.text
    return list(reply.body["data"])


def texts(items: list[dict[str, Any]]) -> list[str]:
    return [part["text"] for item in items for part in item.get("content", ())]


async def added(client: Client, name: str, *items: object) -> Reply:
    return await client.post(f"{CONVERSATIONS}/{name}/items", {"items": items})


@pytest.mark.parametrize("mount", ["/v1", "/api/agents/v1"])
async def test_a_conversation_is_created_read_changed_and_deleted(
    asker: Client, mount: str
) -> None:
    path = f"{mount}/conversations"
    made = await asker.post(path, {"metadata": {"a": "b"}})
    place = f"{path}/{made.body['id']}"

    assert made.body["id"].startswith("conv_")
    assert (made.body["object"], made.body["metadata"]) == ("conversation", {"a": "b"})
    assert (await asker.get(place)).body == made.body
    changed = await asker.post(place, {"metadata": {"c": "d"}})
    assert changed.body == made.body | {"metadata": {"c": "d"}}
    assert (await asker.get(place)).body == changed.body
    assert (await asker.post(place, {"metadata": None})).body["metadata"] == {}
    gone = await asker.ask("DELETE", place)
    assert gone.body == {"id": made.body["id"], "object": "conversation.deleted", "deleted": True}
    assert refusal(await asker.get(place)) == (404, "conversation_id", None)


async def test_a_response_goes_on_in_it_with_all_that_was_added(asker: Client) -> None:
    name = await begun(asker, items=[{"role": "developer", "content": "Be brief."}])
    first = await created(asker, conversation=name)
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "42"}
    reply = await added(asker, name, call, output)
    await created(asker, conversation={"id": name}, input="And?")

    answer = "w0 w1 w2 "
    assert model_of(asker).read() == ["Be brief.", "Hi", answer, "42", "And?"]
    types = ["message", "message", "message", "function_call", "function_call_output"]
    assert [item["type"] for item in await listed(asker, name)][:5] == types
    assert [item["type"] for item in reply.body["data"]] == types[3:]
    assert first["conversation"] == {"id": name}


async def test_its_items_are_paged_from_either_end(asker: Client) -> None:
    name = await begun(asker, items=[HI | {"content": f"t{number}"} for number in range(5)])
    page = (await asker.get(f"{CONVERSATIONS}/{name}/items?limit=2")).body
    rest = await listed(asker, name, f"?limit=9&after={page['last_id']}")

    assert (texts(page["data"]), page["has_more"]) == (["t4", "t3"], True)
    assert texts(rest) == ["t2", "t1", "t0"]
    assert await listed(asker, name, "?limit=1&order=asc") == rest[-1:]
    assert refusal(await asker.get(f"{CONVERSATIONS}/{name}/items?after=x"))[:2] == (400, "after")


async def test_an_item_is_read_and_removed_whatever_brought_it(asker: Client) -> None:
    name = await begun(asker, items=[HI | {"content": "first"}])
    response = await created(asker, conversation=name, input="second")
    await added(asker, name, HI | {"content": "third", "id": "msg_theirs"})
    items = await listed(asker, name)
    assert texts(items) == ["first", "second", "w0 w1 w2 ", "third"]

    for left, item in enumerate(items, 1):
        place = f"{CONVERSATIONS}/{name}/items/{item['id']}"
        assert (await asker.get(place)).body == item
        assert (await asker.ask("DELETE", place)).body["id"] == name
        assert refusal(await asker.get(place)) == (404, "item_id", None)
        assert refusal(await asker.ask("DELETE", place)) == (404, "item_id", None)
        assert await listed(asker, name) == items[left:]
    kept = (await asker.get(f"{PATH}/{response['id']}")).body
    assert kept["output"] == response["output"]


async def test_what_is_there_already_is_not_added_again(asker: Client) -> None:
    name = await begun(asker, items=[HI | {"id": "msg_theirs"}])
    again = await added(asker, name, {"type": "item_reference", "id": "msg_theirs"}, HI)

    assert len(again.body["data"]) == 1
    assert texts(await listed(asker, name)) == ["Hi", "Hi"]


async def test_a_call_like_an_earlier_one_is_added_with_its_result(asker: Client) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "42"}
    name = await begun(asker, items=[call, output])
    again = await added(asker, name, call, output)

    assert [item["type"] for item in again.body["data"]] == [call["type"], output["type"]]


async def test_items_of_other_responses_are_added_by_their_ids(asker: Client) -> None:
    response = await created(asker)
    reference = {"type": "item_reference", "id": response["output"][0]["id"]}
    name = await begun(asker, items=[reference])
    place = await begun(asker, items=await listed(asker, name))

    assert texts(await listed(asker, place)) == ["w0 w1 w2 "]


async def test_while_a_response_runs_nothing_is_added(asker: Client) -> None:
    name = await begun(asker)
    response_id = await running(asker, conversation=name)
    locked = await added(asker, name, HI)
    await asker.post(f"{PATH}/{response_id}/cancel", None)

    assert refusal(locked) == (409, "conversation", "conversation_locked")
    assert (await added(asker, name, HI)).status == 200


async def test_a_deleted_conversation_takes_its_responses_along(asker: Client) -> None:
    name = await begun(asker, items=[HI])
    ended = await created(asker, conversation=name)
    runs = await running(asker, conversation=name)
    await asker.ask("DELETE", f"{CONVERSATIONS}/{name}")

    for response_id in (ended["id"], runs):
        assert (await asker.get(f"{PATH}/{response_id}")).status == 404
    assert asker.app.runtime is not None
    assert await asker.app.runtime.jobs.active("ann") == []


class Busy:
    """The records of responses, where something else happens before the first deletion."""

    def __init__(self, responses: Any, happens: Callable[[], Awaitable[object]]) -> None:
        self._responses = responses
        self._happens: Callable[[], Awaitable[object]] | None = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._responses, name)

    async def delete_some(self, *of: str, most: int) -> int:
        happens, self._happens = self._happens, None
        if happens is not None:
            await happens()
        deleted: int = await self._responses.delete_some(*of, most=most)
        return deleted


async def test_a_response_that_begins_during_a_deletion_is_stopped_and_deleted_too(
    asker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await begun(asker, items=[HI])
    assert asker.app.runtime is not None
    records, begins = asker.app.runtime.records, list[str]()

    async def begin() -> None:
        begins.append(await running(asker, conversation=name))

    monkeypatch.setattr(records, "responses", Busy(records.responses, begin))
    await asker.ask("DELETE", f"{CONVERSATIONS}/{name}")

    assert (await asker.get(f"{PATH}/{begins[0]}")).status == 404
    assert (await asker.get(f"{CONVERSATIONS}/{name}")).status == 404
    assert await asker.app.runtime.jobs.active("ann") == []


async def test_a_name_that_a_response_began_with_is_a_conversation(asker: Client) -> None:
    response = await created(asker, conversation="chat-7")
    place = f"{CONVERSATIONS}/chat-7"

    assert (await asker.get(place)).body == {
        "id": "chat-7",
        "created_at": response["created_at"],
        "metadata": {},
        "object": "conversation",
    }
    assert texts(await listed(asker, "chat-7")) == ["Hi", "w0 w1 w2 "]
    assert refusal(await asker.post(place, {"metadata": {"a": "b"}}))[:2] == (400, "metadata")


async def test_another_users_is_not_found(asker: Client) -> None:
    name = await begun(asker, items=[HI])
    item = (await listed(asker, name))[0]["id"]
    bob, place = bob_beside(asker), f"{CONVERSATIONS}/{name}"
    replies = [
        await bob.get(place),
        await bob.post(place, {"metadata": {}}),
        await bob.ask("DELETE", place),
        await bob.get(f"{place}/items"),
        await bob.post(f"{place}/items", {"items": [HI]}),
        await bob.get(f"{place}/items/{item}"),
        await bob.ask("DELETE", f"{place}/items/{item}"),
    ]

    assert [refusal(reply)[:2] for reply in replies] == [(404, "conversation_id")] * 7
    assert texts(await listed(asker, name)) == ["Hi"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"items": "x"}, "items"),
    ({"items": [7]}, "items[0]"),
    ({"items": [{"type": "magic"}]}, "items[0].type"),
    ({"items": [HI, {"type": "item_reference", "id": "gone"}]}, "items[1].id"),
    ({"items": [{"type": "function_call_output", "call_id": "c", "output": ""}]}, "items"),
    ({"items": [{"type": "compaction", "encrypted_content": "forged"}]}, "input"),
    ({"metadata": {"a": 1}}, "metadata[...]"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG)
async def test_the_field_that_is_wrong_is_named(
    asker: Client, fields: dict[str, Any], param: str
) -> None:
    assert refusal(await asker.post(CONVERSATIONS, fields))[:2] == (400, param)


async def test_what_cannot_be_a_name_is_not_found(asker: Client) -> None:
    for name in ("gone", "a%00b", "é", "x" * 65):
        assert refusal(await asker.get(f"{CONVERSATIONS}/{name}"))[0] == 404


async def test_a_text_that_no_response_could_go_on_from_is_refused(asker: Client) -> None:
    long = HI | {"content": "x" * (256 * 1024 + 1)}
    assert refusal(await asker.post(CONVERSATIONS, {"items": [long]}))[:2] == (413, "items")


async def test_changes_of_a_conversation_are_no_responses(asker: Client) -> None:
    name = await begun(asker, items=[HI])
    response_id = f"resp_{name.removeprefix('conv_')}_begun"
    go_on = await asker.post(PATH, asked(previous_response_id=response_id))

    assert (await asker.get(f"{PATH}/{response_id}")).status == 404
    assert (await asker.ask("DELETE", f"{PATH}/{response_id}")).status == 404
    assert refusal(go_on)[:2] == (400, "previous_response_id")
    assert texts(await listed(asker, name)) == ["Hi"]


async def test_what_a_conversation_keeps_counts_towards_the_quota() -> None:
    async with ann_asking(guards=Guards(max_stored_bytes_per_user=2000)) as ann:
        name = await begun(ann, items=[HI])
        full = await added(ann, name, HI | {"content": "x" * 2000})
        assert refusal(full)[0] == 403
        assert texts(await listed(ann, name)) == ["Hi"]
        assert (await ann.ask("DELETE", f"{CONVERSATIONS}/{name}")).status == 200
        await begun(ann, items=[HI])
