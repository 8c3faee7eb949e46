"""Quotas of stored data: a start beyond it is refused, and says what is to be done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import json
from msgspec.structs import replace

from legato.config import Guards
from legato.http.app import create_app
from legato.http.open import open_runtime
from legato.storage.contracts.quotas import ROW_BYTES, StorageUse
from tests.http.guards.test_denials import frames
from tests.support.http.client import STILL, Client, Reply, bearer
from tests.support.http.guards import open_door
from tests.support.http.runtime import settings_with, supervisor_of
from tests.support.openai.asked import PATH, ann_asking, asked, created, refusal

MOST: Final[Mapping[str, Any]] = {"max_conversations_per_user": 1}
LITTLE: Final[Mapping[str, Any]] = {"max_stored_bytes_per_user": 2 * ROW_BYTES + 40}
"""Room for a short question in a conversation of its own."""

ONE_REQUEST: Final = Guards(max_stored_bytes_per_user=2000)
"""Room for a short request to the Responses API, and for no other beside it."""


def refused(reply: Reply) -> str:
    """As LibreChat's clients are told."""
    assert (reply.status, reply.body["error"]) == (403, "Storage quota")
    assert (reply.body["type"], reply.body["code"]) == ("storage_quota", "storage_quota")
    assert "Retry-After" not in reply.headers
    return str(reply.body["message"])


async def delete(client: Client, conversation_id: str) -> None:
    body = {"arg": {"conversationId": conversation_id}}
    assert (await client.ask("DELETE", "/api/convos", body)).status == 201


async def test_a_conversation_too_many_is_refused_until_one_is_deleted() -> None:
    async with open_door(**MOST) as door:
        ann = door.guest("ann")
        first = await ann.finish()
        message = refused(await ann.try_start())
        conversation_id = first["conversation"]["conversationId"]
        goes_on = await ann.try_start(conversationId=conversation_id)
        others = await door.guest("bob").try_start()
        await delete(ann, conversation_id)
        after = await ann.try_start()

    assert message == (
        "You have 1 conversations; 1 are allowed (max_conversations_per_user)."
        " Delete one, or go on in one that is there."
    )
    assert (goes_on.status, others.status, after.status) == (200, 200, 200)


async def test_an_answer_is_whole_whatever_its_size_and_the_next_start_is_refused() -> None:
    async with open_door(**LITTLE) as door:
        ann = door.guest("ann")
        final = await ann.finish(model_parameters={"tokens": 500, "rate": 0})
        conversation_id = final["conversation"]["conversationId"]
        message = refused(await ann.try_start(conversationId=conversation_id))
        again = await ann.try_start(
            "",
            conversationId=conversation_id,
            isRegenerate=True,
            overrideParentMessageId=final["requestMessage"]["messageId"],
        )
        stored = await ann.messages(conversation_id)
        await delete(ann, conversation_id)
        after = await ann.try_start()

    assert len(stored) == 2
    assert "w499" in stored[1]["content"][0]["text"]
    assert "bytes; 1064 are allowed (max_stored_bytes_per_user)" in message
    refused(again)
    assert after.status == 200


async def test_a_refused_start_stops_nothing_and_stores_nothing() -> None:
    async with open_door(**LITTLE) as door:
        ann = door.guest("ann")
        running = await ann.start(model_parameters=STILL)
        conversation_id = running["conversationId"]
        refused(await ann.try_start(conversationId=conversation_id, on_busy="interrupt"))
        refused(await ann.try_start("x" * 100))
        status = await ann.get(f"/api/agents/chat/status/{conversation_id}")
        page = await ann.get("/api/convos")
        journaled = supervisor_of(door.house).registry.running_count()

    assert status.body["active"] is True
    assert len(page.body["conversations"]) == 1
    assert journaled == 1


async def test_what_was_started_before_is_joined_though_there_is_no_room_any_more() -> None:
    async with open_door(**MOST) as door:
        ann = door.guest("ann")
        first = await ann.start(clientRequestId="r", model_parameters=STILL)
        again = await ann.start(clientRequestId="r", model_parameters=STILL)

    assert (again["status"], again["generationId"]) == ("resumed", first["generationId"])


async def test_a_server_has_them_from_its_settings(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/legato.db"
    settings = replace(settings_with(guards=Guards(**MOST)), database_url=url)
    async with open_runtime(settings) as runtime:
        ann = Client(create_app(settings, runtime), bearer("ann"))
        await ann.finish()

        assert "1 are allowed" in refused(await ann.try_start())


async def test_a_denial_as_librechats_says_why() -> None:
    async with open_door(librechat_denials=True, **MOST) as door:
        ann = door.guest("ann")
        await ann.start()
        reply = await ann.try_start()

    [_, (name, error)] = frames(reply)
    violation = json.decode(error["text"])
    assert (reply.status, name, violation["type"]) == (200, "error", "storage_quota")
    assert violation["info"].startswith("You have 1 conversations")


@pytest.mark.parametrize("store", [None, True])
async def test_a_response_without_room_is_refused_in_the_apis_words(store: bool | None) -> None:
    async with ann_asking(guards=ONE_REQUEST) as ann:
        first = await created(ann, store=store)
        reply = await ann.post(PATH, asked(store=store))
        unstored = await ann.post(PATH, asked(store=False))
        await ann.ask("DELETE", f"{PATH}/{first['id']}")
        await created(ann, store=store)

    assert refusal(reply) == (403, None, "storage_quota")
    assert reply.body["error"]["type"] == "permission_error"
    assert "(max_stored_bytes_per_user)" in reply.body["error"]["message"]
    assert unstored.status == 200


async def test_a_response_that_does_not_fit_is_refused_by_what_stores_it() -> None:
    async with ann_asking(guards=ONE_REQUEST) as ann:
        reply = await ann.post(PATH, asked(input="x" * 2000))
        assert ann.app.runtime is not None
        use = await ann.app.runtime.records.storage_use("ann")

    assert refusal(reply) == (403, None, "storage_quota")
    assert use == StorageUse()


async def test_a_response_is_joined_though_there_is_no_room_any_more() -> None:
    async with ann_asking(guards=ONE_REQUEST) as ann:
        named = Client(ann.app, ann.headers | {"Idempotency-Key": "k"})
        first, again = await created(named), await created(named)

    assert first["id"] == again["id"]
