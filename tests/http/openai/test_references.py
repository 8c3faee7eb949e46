"""Stored items are found by id, in every response."""

from typing import Any

import pytest

from tests.support.http.client import Client
from tests.support.openai.asked import PATH, asked, bob_beside, created, model_of, refusal


def reference(item_id: str) -> dict[str, str]:
    return {"type": "item_reference", "id": item_id}


def user(text: str, **more: str) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


async def test_a_turn_names_what_is_stored_and_brings_what_is_new(asker: Client) -> None:
    first = await created(asker, "rich", input=[user("Hi", id="msg_theirs")])
    ids = ["msg_theirs", *(item["id"] for item in first["output"][:2])]
    second = await created(asker, input=[*map(reference, ids), user("And?")])

    assert model_of(asker).read() == ["Hi", "w0 w1 w2 ", "And?"]
    listed = (await asker.get(f"{PATH}/{second['id']}/input_items?order=asc")).body["data"]
    assert [item["id"] for item in listed][:3] == ids


async def test_what_is_not_stored_and_what_is_anothers_is_not_found(asker: Client) -> None:
    gone = await created(asker, store=False)
    kept = await created(asker)
    for client, response in ((asker, gone), (bob_beside(asker), kept)):
        reply = await client.post(
            PATH, asked(input=[reference(response["output"][0]["id"]), user("And?")])
        )
        assert refusal(reply)[:2] == (400, "input[0].id")


async def test_the_same_item_twice_is_once_beside_what_came_before(asker: Client) -> None:
    first = await created(asker, input=[user("Hi")])
    again = [user("Hi", id=f"msg_{first['id'].removeprefix('resp_')}_in0"), *first["output"]]
    await created(asker, input=[*again, user("And?")], previous_response_id=first["id"])

    assert model_of(asker).read() == ["Hi", "w0 w1 w2 ", "And?"]


async def test_references_to_more_than_can_be_read_are_refused(
    asker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await created(asker)
    monkeypatch.setattr("legato.storage.memory.responses.LARGEST_CHAIN", 10)
    reply = await asker.post(PATH, asked(input=[reference(first["output"][0]["id"])]))

    assert refusal(reply)[:2] == (400, "input")


async def test_a_result_of_an_unknown_call_is_refused(asker: Client) -> None:
    output = {"type": "function_call_output", "call_id": "call_gone", "output": "1"}
    reply = await asker.post(PATH, asked(input=[output]))

    assert refusal(reply)[:2] == (400, "input")
    assert "call_gone" in reply.body["error"]["message"]
