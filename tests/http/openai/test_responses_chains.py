"""Responses that follow earlier responses: by id, and in a conversation."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from legato.storage.contracts.responses import StoredResponse
from legato.storage.memory.quotas import MemoryUse
from legato.storage.memory.records import MemoryRecords
from legato.storage.memory.responses import MemoryResponses
from tests.support.http.client import Client, bearer
from tests.support.openai.asked import (
    PATH,
    asked,
    bob_beside,
    cancelled,
    created,
    model_of,
    refusal,
    retrieved,
    running,
    streamed,
)

ANSWER = "w0 w1 w2 "


def read(client: Client, model: str = "fast") -> list[str]:
    """The messages that the model got last."""
    return model_of(client, model).read()


async def chained(client: Client, *texts: str, **fields: Any) -> list[str]:
    """The ids of responses to `texts`, each following the one before."""
    ids: list[str] = []
    for text in texts:
        previous = {"previous_response_id": ids[-1]} if ids else {}
        ids.append((await created(client, input=text, **previous, **fields))["id"])
    return ids


async def test_a_chain_of_three_is_read_from_its_beginning(asker: Client) -> None:
    ids = await chained(asker, "one", "two", "three")

    assert read(asker) == ["one", ANSWER, "two", ANSWER, "three"]
    assert (await retrieved(asker, ids[2]))["previous_response_id"] == ids[1]
    items = (await asker.get(f"{PATH}/{ids[2]}/input_items")).body["data"]
    assert [item["content"][0]["text"] for item in items] == ["three"]


async def test_a_chain_forks(asker: Client) -> None:
    [root] = await chained(asker, "root")
    left = await created(asker, input="left", previous_response_id=root)
    await created(asker, input="right", previous_response_id=root)
    assert read(asker) == ["root", ANSWER, "right"]

    await created(asker, input="on", previous_response_id=left["id"])
    assert read(asker) == ["root", ANSWER, "left", ANSWER, "on"]


async def test_a_chain_whose_middle_is_deleted_cannot_go_on(asker: Client) -> None:
    ids = await chained(asker, "one", "two", "three")
    await asker.ask("DELETE", f"{PATH}/{ids[1]}")
    reply = await asker.post(PATH, asked(previous_response_id=ids[2]))

    assert refusal(reply) == (400, "previous_response_id", "previous_response_not_found")
    await created(asker, input="other", previous_response_id=ids[0])
    assert read(asker) == ["one", ANSWER, "other"]


@pytest.mark.parametrize("fields", [{}, {"stream": True}, {"background": True}])
async def test_what_cannot_be_gone_on_from_is_refused_as_not_found(
    asker: Client, fields: dict[str, Any]
) -> None:
    unstored = await created(asker, store=False)
    bobs = await created(bob_beside(asker))
    mine = await created(asker)
    for previous in (
        unstored["id"],
        bobs["id"],
        "resp_nothing",
        mine["id"].removeprefix("resp_"),
        mine["id"].lower(),
        "",
        "x" * 100_000,
        "\0",
    ):
        reply = await asker.post(PATH, asked(previous_response_id=previous, **fields))

        assert refusal(reply) == (400, "previous_response_id", "previous_response_not_found")
        assert len(reply.body["error"]["message"]) < 500


async def test_what_still_runs_cannot_be_gone_on_from_yet(asker: Client) -> None:
    response_id = await running(asker)
    early = await asker.post(PATH, asked(previous_response_id=response_id))
    await cancelled(asker, response_id)
    await created(asker, input="on", previous_response_id=response_id)

    assert refusal(early)[:2] == (400, "previous_response_id")
    assert "still running" in early.body["error"]["message"]
    assert read(asker) == ["Hi", "w0 ", "on"]


async def test_one_whose_ending_is_not_stored_is_gone_on_from_as_it_ended(asker: Client) -> None:
    house, response_id = asker.app.runtime, (await created(asker))["id"]
    assert house is not None
    kept = house.records.responses
    stored = await kept.find("ann", response_id)
    assert stored is not None
    await kept.delete("ann", response_id)
    await kept.open(replace(stored, ending=None))
    assert (await retrieved(asker, response_id))["status"] == "completed"

    await created(asker, input="on", previous_response_id=response_id)
    assert read(asker) == ["Hi", ANSWER, "on"]

    await house.jobs.discard(response_id.removeprefix("resp_"))
    assert (await retrieved(asker, response_id))["status"] == "failed"
    await created(asker, input="on", previous_response_id=response_id)
    assert read(asker) == ["Hi\n\non"], "both are the user's"


async def test_an_answer_that_is_not_stored_yet_is_read_in_its_conversation(asker: Client) -> None:
    house, response_id = asker.app.runtime, (await created(asker, conversation="chat"))["id"]
    assert house is not None
    kept = house.records.responses
    stored = await kept.find("ann", response_id)
    assert stored is not None
    await kept.delete("ann", response_id)
    await kept.open(replace(stored, ending=None))

    await created(asker, input="on", conversation="chat")
    assert read(asker) == ["Hi", ANSWER, "on"]


async def test_one_that_failed_is_gone_on_from_with_what_it_said(asker: Client) -> None:
    failed = await created(asker, "failing")
    await created(asker, input="on", previous_response_id=failed["id"])

    assert read(asker) == ["Hi", "w0 w1 ", "on"]


async def test_instructions_are_not_inherited(asker: Client) -> None:
    [first] = await chained(asker, "one", instructions="Be brief.")
    assert read(asker) == ["Be brief.", "one"]
    await created(asker, input="two", previous_response_id=first)
    assert read(asker) == ["one", ANSWER, "two"]

    await created(asker, input="three", previous_response_id=first, instructions="Shout.")
    assert read(asker) == ["Shout.", "one", ANSWER, "three"]


async def test_another_model_may_go_on_and_thoughts_are_not_told(asker: Client) -> None:
    first = await created(asker, "rich")
    results = [
        {"type": "function_call_output", "call_id": f"call_{call}", "output": "42"}
        for call in range(2)
    ]
    await created(asker, input=results, previous_response_id=first["id"])

    assert read(asker) == ["Hi", ANSWER, "42", "42"]


async def test_an_item_of_the_chain_that_is_named_again_is_read_once(asker: Client) -> None:
    first = await created(asker)
    reference = {"type": "item_reference", "id": first["output"][0]["id"]}
    await created(asker, input=[reference], previous_response_id=first["id"])
    strange = await asker.post(PATH, asked(input=[reference | {"id": "msg_gone"}]))

    assert read(asker) == ["Hi", ANSWER]
    assert refusal(strange)[:2] == (400, "input[0].id")


class ReadInBetween(MemoryResponses):
    """Something happens just after a conversation was read."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def conversation(self, user: str, conversation_id: str) -> Sequence[StoredResponse]:
        found = await super().conversation(user, conversation_id)
        if (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            await meanwhile()
        return found


@pytest.mark.parametrize("store", [True, False])
async def test_a_conversation_that_went_on_since_it_was_read_is_not_answered(
    asker: Client, store: bool
) -> None:
    """Otherwise the answer would stand behind a response that the model has not read."""
    assert asker.app.runtime is not None
    records = asker.app.runtime.records
    assert isinstance(records, MemoryRecords)
    records.responses = between = ReadInBetween(records._enter, MemoryUse())

    async def goes_on() -> None:
        await created(asker, input="faster", conversation="talk")

    response_id = await running(asker, conversation="talk")
    for meanwhile in (lambda: cancelled(asker, response_id), goes_on):
        between.meanwhile = meanwhile
        reply = await asker.post(PATH, asked(input="late", conversation="talk", store=store))

        assert refusal(reply) == (409, "conversation", "conversation_locked")
    assert len(model_of(asker).asked) == 1
    await created(asker, input="now", conversation="talk", store=store)
    assert read(asker) == ["Hi", "w0 ", "faster", ANSWER, "now"]


@pytest.mark.parametrize("name", ["talk", {"id": "talk"}])
async def test_a_conversation_is_read_in_order_whichever_way_it_is_named(
    asker: Client, name: object
) -> None:
    for text in ("one", "two", "three"):
        response = await created(asker, input=text, conversation=name)

        assert response["conversation"] == {"id": "talk"}
    assert read(asker) == ["one", ANSWER, "two", ANSWER, "three"]


async def test_another_users_conversation_of_that_name_is_another(asker: Client) -> None:
    await created(asker, input="mine", conversation="talk")
    await created(bob_beside(asker), input="bob's", conversation="talk")
    assert read(asker) == ["bob's"]

    response_id = await running(asker, conversation="talk")
    await created(bob_beside(asker), input="more", conversation="talk")
    assert read(asker) == ["bob's", ANSWER, "more"]
    await cancelled(asker, response_id)


async def test_a_conversation_takes_one_at_a_time(asker: Client) -> None:
    response_id = await running(asker, conversation="talk")
    busy = await asker.post(PATH, asked(conversation="talk"))
    await created(asker, input="elsewhere", conversation="other")
    await cancelled(asker, response_id)
    await created(asker, input="now", conversation="talk")

    assert refusal(busy) == (409, "conversation", "conversation_locked")
    assert read(asker) == ["Hi", "w0 ", "now"]


async def test_what_was_not_stored_or_was_deleted_is_not_in_its_conversation(
    asker: Client,
) -> None:
    await created(asker, input="kept", conversation="talk")
    await created(asker, input="unstored", conversation="talk", store=False)
    deleted = await created(asker, input="deleted", conversation="talk")
    await asker.ask("DELETE", f"{PATH}/{deleted['id']}")
    await created(asker, input="on", conversation="talk")

    assert read(asker) == ["kept", ANSWER, "on"]


async def test_a_conversation_goes_on_without_input_where_its_client_has_no_more_to_say(
    asker: Client,
) -> None:
    await created(asker, input="one", conversation="talk")
    await streamed(asker, input=None, conversation="talk")

    assert read(asker) == ["one", ANSWER]


async def test_a_conversation_needs_a_proper_name(asker: Client) -> None:
    for name in ("", {"id": ""}, {}, 7, ["talk"], "x" * 65, "a/b", "\0", "a\n", " "):
        status, param, _ = refusal(await asker.post(PATH, asked(conversation=name)))

        assert (status, (param or "").partition(".")[0]) == (400, "conversation"), name


async def test_the_conversations_of_two_users_cannot_be_confused(asker: Client) -> None:
    """A conversation's stored id is made of the user's id and the name."""
    other = Client(asker.app, bearer("ann/x"))
    await created(other, input="theirs", conversation="talk")
    reply = await asker.post(PATH, asked(input="mine", conversation="x/talk"))

    assert refusal(reply)[:2] == (400, "conversation")
