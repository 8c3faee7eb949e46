"""Refusals of a start: a status, a reason for people, and the field for programs."""

from typing import Any
from uuid import uuid4

import pytest
from trio.testing import MockClock

from legato.config import Limits
from tests.support.http.client import FAST, STILL, Client, Reply
from tests.support.http.runtime import open_client

UNKNOWN = str(uuid4())


async def test_an_unknown_model_is_refused_with_the_list(ann: Client) -> None:
    reply = await ann.try_start(model="gpt-9")

    assert reply.status == 400
    assert reply.body == {
        "error": "Invalid request",
        "message": "model: found 'gpt-9'; allowed are scripted",
        "param": "model",
    }


WRONG: dict[str, tuple[Any, ...]] = {
    "text": (1, None, True, [], {}),
    "model": (1, [], {}),
    "endpoint": (1, "x" * 129),
    "conversationId": (1, "", "c1", "../../etc", UNKNOWN[:-1]),
    "parentMessageId": (1, "", "unknown"),
    "overrideParentMessageId": (1, "", "unknown"),
    "isRegenerate": ("true", 1),
    "isContinued": ("true", 0),
    "clientRequestId": (1, "", "a b", "x" * 129, "é"),
    "promptPrefix": (1, []),
    "model_parameters": (1, "x", []),
    "on_busy": (1, "wait", "INTERRUPT", ""),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
async def test_a_wrong_value_is_refused_by_its_name(ann: Client, name: str, value: object) -> None:
    reply = await ann.try_start(**{name: value}) if name != "text" else await ann.try_start(value)  # type: ignore[arg-type]

    assert_refused(reply, name)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n\t"}, "text"),
        ({"text": "Hi", "isRegenerate": True}, "overrideParentMessageId"),
        ({"isContinued": True}, "responseMessageId"),
        ({"isContinued": True, "responseMessageId": "unknown"}, "responseMessageId"),
        ({"editedContent": {"index": 0, "text": "x"}}, "responseMessageId"),
        ({"responseMessageId": "r", "editedContent": {}}, "editedContent"),
        ({"responseMessageId": "r", "editedContent": {"index": 0}}, "editedContent"),
        ({"responseMessageId": "r", "editedContent": {"index": 1.5}}, "editedContent.index"),
        ({"responseMessageId": "r", "editedContent": {"index": "0"}}, "editedContent.index"),
        (
            {"responseMessageId": "r", "editedContent": {"index": 0, "text": 1}},
            "editedContent.text",
        ),
        ({"responseMessageId": "r", "editedContent": 1}, "editedContent"),
    ],
)
async def test_fields_that_do_not_go_together_are_refused(
    ann: Client, fields: dict[str, Any], name: str
) -> None:
    assert_refused(await ann.post("/api/agents/chat", fields), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("tokens", -1), ("tokens", "5"), ("tokens", 2**63), ("rate", -1), ("stamp", 1)],
)
async def test_a_parameter_that_the_model_refuses_names_what_is_allowed(
    ann: Client, name: str, value: object
) -> None:
    reply = await ann.try_start(model_parameters={name: value})

    assert_refused(reply, "model_parameters")
    assert f"{name} is " in reply.body["message"]
    assert "allowed: " in reply.body["message"]


async def test_a_refused_start_leaves_nothing_behind(ann: Client) -> None:
    conversation_id = str(uuid4())
    await ann.try_start(conversationId=conversation_id, parentMessageId="unknown")

    assert (await ann.get("/api/convos")).body["conversations"] == []
    assert (await ann.get("/api/agents/chat/active")).body == {"activeJobIds": []}
    assert (await ann.get(f"/api/agents/chat/stream/{conversation_id}")).status == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "x" * 101},
        {"text": "é" * 51},
        {"promptPrefix": "é" * 51},
        {"editedContent": {"index": 0, "text": "x" * 101}},
        {"editedContent": {"index": 0, "think": "x" * 101}},
    ],
)
async def test_a_text_over_the_limit_is_too_large(fields: dict[str, Any]) -> None:
    async with open_client(limits=Limits(max_text_bytes=100)) as ann:
        fits = await ann.try_start("x" * 100)
        reply = await ann.try_start(**fields)

    assert fits.status == 200
    assert reply.status == 413
    assert reply.body["error"] == "Too large"
    assert "100 are allowed" in reply.body["message"]
    assert reply.body["param"].split(".")[0] in fields


async def test_another_users_conversation_is_refused(ann: Client, bob: Client) -> None:
    final = await ann.finish()
    conversation_id = final["conversation"]["conversationId"]
    reply = await bob.try_start(conversationId=conversation_id)

    assert (reply.status, reply.body["error"]) == (403, "Unauthorized")
    assert len(await ann.messages(conversation_id)) == 2


async def test_another_users_conversation_is_refused_while_its_first_turn_is_not_stored(
    ann: Client, bob: Client, mock_clock: MockClock
) -> None:
    conversation_id = str(uuid4())
    running = await ann.start(conversationId=conversation_id, model_parameters=STILL)
    reply = await bob.try_start(conversationId=conversation_id, model_parameters=FAST)
    status = await ann.get(f"/api/agents/chat/status/{conversation_id}")

    assert (reply.status, reply.body["error"]) == (403, "Unauthorized")
    assert status.body["generationId"] == running["generationId"]
    assert status.body["active"] is True


def assert_refused(reply: Reply, name: str) -> None:
    assert reply.status == 400, reply.text
    assert reply.body["param"] == name
    assert reply.body["message"].startswith(f"{name}: ")
