"""Edited answers, and continued answers."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.http.client import Client, Reply
from tests.support.http.runtime import AttentiveModel, open_client

BOTH: Mapping[str, Any] = {"tokens": 2, "reasoning": 2, "rate": 0}
THOUGHT = {"type": "think", "think": "r0 r1 "}
TEXT = {"type": "text", "text": "w0 w1 "}


async def answered(ann: Client, parameters: Mapping[str, Any] = BOTH) -> dict[str, Any]:
    """The reply to a start, after the end; the answer is a thought and a text."""
    started = await ann.start(model_parameters=parameters)
    await ann.read(started["streamId"])
    return started


async def revise(ann: Client, first: dict[str, Any], **fields: object) -> Reply:
    usual = {
        "conversationId": first["conversationId"],
        "responseMessageId": first["responseMessageId"],
        "model_parameters": {"tokens": 1, "rate": 0},
    }
    return await ann.try_start("Hi", **(usual | fields))


async def content(ann: Client, conversation_id: str) -> dict[str, Any]:
    """The content of each answer, by message id."""
    answers = [each for each in await ann.messages(conversation_id) if "content" in each]
    return {each["messageId"]: each["content"] for each in answers}


async def test_a_continued_answer_goes_on_in_place(ann: Client) -> None:
    first = await answered(ann)
    reply = await revise(ann, first, isContinued=True)
    frames = await ann.read(reply.body["generationId"])
    stored = await content(ann, first["conversationId"])

    goes_on = [THOUGHT, {"type": "text", "text": "w0 w1 w0 "}]
    assert reply.body["responseMessageId"] == first["responseMessageId"]
    assert frames[-1].data["responseMessage"]["content"] == goes_on
    assert stored == {first["responseMessageId"]: goes_on}


async def test_an_answer_goes_on_by_the_name_that_librechats_client_gives_it(ann: Client) -> None:
    first = await answered(ann)
    placeholder = f"{first['responseMessageId']}_"
    reply = await revise(ann, first, isContinued=True, responseMessageId=placeholder)

    assert reply.status == 200, reply.text
    assert reply.body["responseMessageId"] == first["responseMessageId"]


async def test_the_model_reads_the_beginning_it_goes_on_from() -> None:
    attentive = AttentiveModel()
    async with open_client(attentive, default_model="attentive") as ann:
        first = await answered(ann)
        reply = await revise(ann, first, isContinued=True)
        await ann.read(reply.body["generationId"])

        assert attentive.read() == ["Hi", "w0 w1 "]


async def test_an_edited_text_that_is_not_continued_is_a_sibling(ann: Client) -> None:
    first = await answered(ann)
    reply = await revise(ann, first, editedContent={"index": 1, "text": "Well, "})
    final = (await ann.read(reply.body["generationId"]))[-1].data
    stored = await content(ann, first["conversationId"])

    edited = [THOUGHT, {"type": "text", "text": "Well, w0 "}]
    assert reply.body["responseMessageId"] != first["responseMessageId"]
    assert reply.body["userMessageId"] == first["userMessageId"]
    assert final["responseMessage"]["parentMessageId"] == first["userMessageId"]
    assert stored == {
        first["responseMessageId"]: [THOUGHT, TEXT],
        reply.body["responseMessageId"]: edited,
    }


async def test_an_edited_text_that_is_continued_stays_in_place(ann: Client) -> None:
    first = await answered(ann)
    edit = {"index": 1, "text": "Well, "}
    reply = await revise(ann, first, isContinued=True, editedContent=edit)
    await ann.read(reply.body["generationId"])
    stored = await content(ann, first["conversationId"])

    assert stored == {first["responseMessageId"]: [THOUGHT, {"type": "text", "text": "Well, w0 "}]}


@pytest.mark.parametrize("field", ["think", "text"])
async def test_an_edited_thought_keeps_its_words_and_what_followed_it_is_dropped(
    ann: Client, field: str
) -> None:
    first = await answered(ann)
    edit = {"index": 0, field: "Let me see."}
    reply = await revise(ann, first, isContinued=True, editedContent=edit)
    await ann.read(reply.body["generationId"])
    stored = await content(ann, first["conversationId"])

    thought = {"type": "think", "think": "Let me see."}
    assert stored == {first["responseMessageId"]: [thought, {"type": "text", "text": "w0 "}]}


async def test_positions_of_steps_match_the_content_that_was_kept(ann: Client) -> None:
    first = await answered(ann)
    reply = await revise(ann, first, isContinued=True, model_parameters=BOTH)
    frames = await ann.read(reply.body["generationId"])
    steps = [each.data["data"] for each in frames if each.data.get("event") == "on_run_step"]
    synced = (await ann.read(reply.body["generationId"], "?resume=true"))[0].data["resumeState"]

    assert [step["index"] for step in steps] == [2, 3]
    assert synced["runSteps"] == steps
    assert synced["aggregatedContent"] == [THOUGHT, TEXT, THOUGHT, TEXT]


@pytest.mark.parametrize("index", [-1, 2, 2**63])
async def test_a_part_that_is_not_there_is_refused(ann: Client, index: int) -> None:
    first = await answered(ann)
    reply = await revise(ann, first, editedContent={"index": index, "text": "x"})

    assert (reply.status, reply.body["param"]) == (400, "editedContent.index")
    assert "the answer has 2 parts" in reply.body["message"]


async def test_a_tool_call_is_not_edited(ann: Client) -> None:
    first = await answered(ann, {"tokens": 1, "tool_calls": 1, "rate": 0})
    reply = await revise(ann, first, editedContent={"index": 1, "text": "x"})

    assert (reply.status, reply.body["param"]) == (400, "editedContent.index")
    assert "only text and thoughts are edited" in reply.body["message"]


async def test_only_an_answer_is_revised(ann: Client) -> None:
    first = await answered(ann)
    reply = await revise(ann, first, isContinued=True, responseMessageId=first["userMessageId"])

    assert (reply.status, reply.body["param"]) == (400, "responseMessageId")


async def test_a_failed_answer_goes_on_without_its_error(ann: Client) -> None:
    first = await answered(ann, {"tokens": 3, "fail_after": 1, "rate": 0})
    failed = await content(ann, first["conversationId"])
    reply = await revise(ann, first, isContinued=True)
    await ann.read(reply.body["generationId"])
    stored = await content(ann, first["conversationId"])

    response_id = first["responseMessageId"]
    assert [part["type"] for part in failed[response_id]] == ["text", "error"]
    assert stored == {response_id: [{"type": "text", "text": "w0 w0 "}]}
