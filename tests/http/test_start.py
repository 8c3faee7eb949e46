"""Starting a generation: what suffices, what is read, and what the reply says."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from trio.testing import MockClock

from legato.content import NO_PARENT
from legato.storage.memory.records import MemoryRecords
from tests.support.http.client import FAST, STILL, Client
from tests.support.http.runtime import AttentiveModel, open_client


async def test_a_text_alone_suffices_and_the_server_makes_the_ids(
    ann: Client, mock_clock: MockClock
) -> None:
    reply = await ann.post("/api/agents/chat", {"text": "Hi"})

    assert reply.status == 200
    body = reply.body
    assert body["streamId"] == body["conversationId"]
    assert body["status"] == "started"
    ids = [body[key] for key in ("conversationId", "userMessageId", "responseMessageId")]
    assert [str(UUID(each)) for each in ids] == ids
    assert len(body["generationId"]) == 26
    assert body["droppedMessages"] == 0
    assert len({*ids, body["generationId"]}) == 4


@pytest.mark.parametrize(
    ("given", "read"),
    [({}, 0), ({"conversationId": "new"}, 0), ({"conversationId": str(uuid4())}, 2)],
)
async def test_a_start_that_begins_a_conversation_reads_nothing(
    ann: Client, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], read: int
) -> None:
    asked = []

    def noting(name: str) -> None:
        method = getattr(MemoryRecords, name)

        async def noted(*args: Any, **named: Any) -> Any:
            asked.append(name)
            return await method(*args, **named)

        monkeypatch.setattr(MemoryRecords, name, noted)

    noting("conversation")
    noting("branch")
    reply = await ann.post("/api/agents/chat", {"text": "Hi", **given})
    started = asked.copy()

    assert reply.status == 200
    assert len(started) == read


async def test_the_reply_names_the_messages_that_are_stored(ann: Client) -> None:
    started = await ann.start("What is legato?")
    await ann.read(started["streamId"])
    question, answer = await ann.messages(started["conversationId"])

    assert question["messageId"] == started["userMessageId"]
    assert question["text"] == "What is legato?"
    assert question["parentMessageId"] == NO_PARENT
    assert question["isCreatedByUser"] is True
    assert answer["messageId"] == started["responseMessageId"]
    assert answer["parentMessageId"] == started["userMessageId"]
    assert answer["content"] == [{"type": "text", "text": "w0 w1 w2 "}]
    assert (answer["unfinished"], answer["error"]) == (False, False)


async def test_the_default_model_is_asked_unless_another_is_named() -> None:
    attentive = AttentiveModel()
    async with open_client(attentive, default_model="attentive") as ann:
        by_default = await ann.finish()
        named = await ann.finish(model="scripted")

    assert by_default["responseMessage"]["model"] == "attentive"
    assert named["responseMessage"]["model"] == "scripted"
    assert len(attentive.asked) == 1


async def test_the_endpoint_is_the_bodys_else_the_paths(ann: Client) -> None:
    starts = (("", None), ("/openAI", None), ("/custom", "agents"))
    found = []
    for path, endpoint in starts:
        body = {"text": "Hi", "model_parameters": FAST, "endpoint": endpoint}
        started = await ann.post(f"/api/agents/chat{path}", body)
        final = (await ann.read(started.body["streamId"]))[-1].data
        found.append(final["responseMessage"]["endpoint"])

    assert found == ["agents", "openAI", "agents"]


async def test_a_conversation_id_is_new_or_a_uuid_of_the_clients(
    ann: Client, mock_clock: MockClock
) -> None:
    chosen = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
    new = await ann.start(conversationId="new", model_parameters=STILL)
    null = await ann.start(conversationId=None, model_parameters=STILL)
    own = await ann.start(conversationId=chosen.upper(), model_parameters=STILL)

    assert str(UUID(new["conversationId"])) == new["conversationId"]
    assert new["conversationId"] != null["conversationId"]
    assert own["conversationId"] == own["streamId"] == chosen


async def test_a_prompt_prefix_is_the_system_prompt() -> None:
    attentive = AttentiveModel()
    async with open_client(attentive) as ann:
        await ann.finish("Hi", model="attentive", promptPrefix="Be brief.")

    asked = [(message.role, message.content) for message in attentive.asked[0].messages]
    assert asked == [("system", "Be brief."), ("user", "Hi")]


async def test_model_parameters_reach_the_model_unread() -> None:
    attentive = AttentiveModel()
    parameters = {**FAST, "temperature": 0.5, "stop": ["a", {"b": None}], "seed": 2**64 - 1}
    async with open_client(attentive) as ann:
        await ann.finish(model="attentive", model_parameters=parameters)

    assert attentive.asked[0].parameters == parameters


async def test_unknown_fields_are_ignored(ann: Client) -> None:
    final = await ann.finish(
        sender="User", messageId="m", files=[], clientTimestamp=1, ephemeralAgent={"mcp": []}
    )

    assert final["requestMessage"]["sender"] == "User"
    assert final["requestMessage"]["messageId"] != "m"


async def test_the_usage_is_in_the_ending_and_stored_with_the_message(ann: Client) -> None:
    parameters = {"tokens": 3, "reasoning": 2, "rate": 0}
    final = await ann.finish("12345678", model_parameters=parameters)
    answer = (await ann.messages(final["conversation"]["conversationId"]))[1]

    usage = {"promptTokens": 2, "completionTokens": 5, "reasoningTokens": 2}
    assert final["usage"] == usage
    assert answer["usage"] == usage
    assert answer["finish_reason"] == "stop"


async def test_any_text_of_unicode_comes_back_as_it_was_given(ann: Client) -> None:
    text = "\x00\r\n\n data: x\u2028\u2029\ufeff 🎼 e\u0301 \x7f"
    final = await ann.finish(text)
    stored = await ann.messages(final["conversation"]["conversationId"])

    assert final["requestMessage"]["text"] == text
    assert stored[0]["text"] == text
