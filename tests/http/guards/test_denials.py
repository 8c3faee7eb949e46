"""Denials in LibreChat's form, where the configuration asks for this form."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import json

from legato.config import Limits
from legato.content import NO_PARENT
from legato.storage.contracts.bans import Ban
from tests.support.http.client import STILL, Reply
from tests.support.http.guards import Door, Guest, open_door
from tests.support.storage.redis_servers import free_port


def frames(reply: Reply) -> list[tuple[str, Any]]:
    """Names and data of the events of a body without anything else."""
    assert reply.text.endswith("\n\n")
    found = []
    for frame in reply.text.removesuffix("\n\n").split("\n\n"):
        name, data = frame.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        found.append((name.removeprefix("event: "), json.decode(data.removeprefix("data: "))))
    return found


def is_uuid(text: str) -> bool:
    return str(UUID(text)) == text


async def denied(door: Door, **fields: Any) -> dict[str, Any]:
    """The violation in the denial of a start of ann's."""
    reply = await door.guest("ann").try_start(**fields)
    assert reply.status == 200
    assert "content-type" not in reply.headers
    [_, (name, error)] = frames(reply)
    assert name == "error"
    return dict(json.decode(error["text"]))


async def test_a_denial_is_a_question_and_an_error_that_answers_it() -> None:
    question, conversation, parent = (str(uuid4()) for _ in range(3))
    ids: dict[str, Any] = {
        "messageId": question,
        "conversationId": conversation,
        "parentMessageId": parent,
    }
    async with open_door(librechat_denials=True, starts_per_user="1/minute") as door:
        await door.guest("ann").start()
        reply = await door.guest("ann").try_start("Again", **ids)

    [(created_name, created), (error_name, error)] = frames(reply)
    assert (created_name, error_name) == ("message", "error")
    assert created == {
        "message": {
            "sender": "User",
            "messageId": question,
            "parentMessageId": parent,
            "conversationId": conversation,
            "isCreatedByUser": True,
            "text": "Again",
        },
        "created": True,
    }
    assert is_uuid(error.pop("messageId"))
    violation = json.decode(error.pop("text"))
    assert error == {
        "sender": "Agents",
        "conversationId": conversation,
        "parentMessageId": question,
        "unfinished": False,
        "error": True,
        "final": True,
        "isCreatedByUser": False,
    }
    assert violation == {
        "type": "message_limit",
        "max": 1,
        "limiter": "user",
        "windowInMinutes": 1,
        "score": 1,
    }
    assert reply.headers["ratelimit-remaining"] == "0"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"text": 1, "messageId": [], "x": 2}'])
async def test_whatever_the_request_was_ids_are_made_for_it(body: bytes) -> None:
    async with open_door(librechat_denials=True, starts_per_user="1/minute") as door:
        ann = door.guest("ann")
        await ann.start()
        reply = await ann.ask("POST", "/api/agents/chat", data=body)

    [(_, created), _] = frames(reply)
    assert is_uuid(created["message"]["messageId"])
    assert is_uuid(created["message"]["conversationId"])
    assert created["message"]["parentMessageId"] == NO_PARENT


async def test_a_body_that_is_too_large_is_not_repeated() -> None:
    async with open_door(librechat_denials=True) as door:
        until = door.clock.now + timedelta(hours=1)
        await door.house.records.bans.ban([Ban(subject="user:ann", kind="manual", until=until)])
        ann = door.guest("ann")
        body = b'{"text": "' + b"x" * door.app.config["MAX_CONTENT_LENGTH"] + b'"}'
        reply = await ann.ask("POST", "/api/agents/chat", data=body)

    [(_, created), _] = frames(reply)
    assert created["message"]["text"] == ""


async def test_a_new_conversation_gets_an_id() -> None:
    async with open_door(librechat_denials=True, starts_per_user="1/minute") as door:
        await door.guest("ann").start()
        [(_, created), _] = frames(await door.guest("ann").try_start(conversationId="new"))

    assert is_uuid(created["message"]["conversationId"])


async def test_every_kind_of_denial_is_said_so() -> None:
    limits = Limits(max_running_jobs_per_user=1)
    async with open_door(librechat_denials=True, limits=limits) as door:
        bobs = await door.guest("bob").start()
        access = await denied(door, conversationId=bobs["conversationId"])
        await door.guest("ann").start(model_parameters=STILL)
        concurrent = await denied(door)
        until = door.clock.now + timedelta(hours=1)
        await door.house.records.bans.ban([Ban(subject="user:ann", kind="manual", until=until)])
        door.clock.now += timedelta(minutes=1)
        ban = await denied(door)

    assert access["type"] == "convo_access"
    assert access["error"] == "User not authorized for this conversation"
    assert (concurrent["type"], concurrent["limit"], concurrent["pendingRequests"]) == (
        "concurrent",
        1,
        2,
    )
    assert (ban["type"], ban["duration"]) == ("ban", 59 * 60_000)


async def test_a_program_is_told_one_sentence() -> None:
    async with open_door(librechat_denials=True, require_browser=True) as door:
        reply = await door.guest("ann").try_start()

    assert (reply.status, frames(reply)) == (200, [("error", {"message": "Illegal request"})])


async def test_a_moderation_that_does_not_answer_is_said_in_its_words() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    async with open_door(
        librechat_denials=True, moderation_url=nobody, moderation_on_failure="closed"
    ) as door:
        reply = await door.guest("ann").try_start()

    [_, (_, error)] = frames(reply)
    assert error["text"] == "error in moderation check"


@pytest.mark.parametrize("path", ["/api/agents/chat/active", "/api/convos", "/v1/models"])
async def test_other_routes_say_it_as_json(path: str) -> None:
    async with open_door(librechat_denials=True) as door:
        until = door.clock.now + timedelta(hours=1)
        await door.house.records.bans.ban([Ban(subject="user:ann", kind="manual", until=until)])
        reply = await door.guest("ann").get(path)

    assert reply.status == 403
    assert "message" in (reply.body if path.startswith("/api") else reply.body["error"])


async def test_what_is_no_denial_stays_as_it_is() -> None:
    async with open_door(librechat_denials=True) as door:
        ann: Guest = door.guest("ann")

        assert (await ann.try_start(" ")).status == 400
        assert (await door.guest(None).try_start()).status == 401
        assert (await ann.try_start()).body["status"] == "started"
