"""Threads of messages: the place of a turn, and the messages of the thread that the model reads."""

from uuid import uuid4

import pytest

from legato.storage.contracts.records import Branch
from tests.support.http.client import Client
from tests.support.http.runtime import AttentiveModel, open_client


async def test_a_turn_without_a_parent_goes_after_the_newest_message(ann: Client) -> None:
    first = await ann.start("one")
    await ann.read(first["streamId"])
    conversation_id = first["conversationId"]
    second = await ann.finish("two", conversationId=conversation_id)

    assert second["requestMessage"]["parentMessageId"] == first["responseMessageId"]
    texts = [message["text"] for message in await ann.messages(conversation_id)]
    assert texts == ["one", "", "two", ""]


async def test_a_turn_may_go_after_any_message_of_its_conversation(ann: Client) -> None:
    first = await ann.start("one")
    await ann.read(first["streamId"])
    ids = {"conversationId": first["conversationId"]}
    await ann.finish("two", **ids)
    branch = await ann.finish("three", **ids, parentMessageId=first["responseMessageId"])
    root = await ann.finish("four", **ids, parentMessageId="00000000-0000-0000-0000-000000000000")

    assert branch["requestMessage"]["parentMessageId"] == first["responseMessageId"]
    assert root["requestMessage"]["parentMessageId"] == "00000000-0000-0000-0000-000000000000"


async def test_a_parent_in_another_conversation_is_unknown(ann: Client) -> None:
    first = await ann.start("one")
    await ann.read(first["streamId"])
    other = await ann.start("two")
    reply = await ann.try_start(
        "three",
        conversationId=other["conversationId"],
        parentMessageId=first["responseMessageId"],
    )

    assert (reply.status, reply.body["param"]) == (400, "parentMessageId")
    assert first["responseMessageId"] in reply.body["message"]


async def test_an_answer_given_again_is_a_sibling_and_the_question_stays_one(ann: Client) -> None:
    first = await ann.start("one", model_parameters={"tokens": 1, "rate": 0})
    await ann.read(first["streamId"])
    again = await ann.start(
        "one",
        conversationId=first["conversationId"],
        isRegenerate=True,
        overrideParentMessageId=first["userMessageId"],
        parentMessageId="00000000-0000-0000-0000-000000000000",
        responseMessageId=f"{first['userMessageId']}_",
    )
    final = (await ann.read(again["generationId"]))[-1].data
    messages = await ann.messages(first["conversationId"])

    assert again["userMessageId"] == first["userMessageId"]
    assert again["responseMessageId"] not in (first["responseMessageId"], "")
    assert final["responseMessage"]["parentMessageId"] == first["userMessageId"]
    assert [each["messageId"] for each in messages] == [
        first["userMessageId"],
        first["responseMessageId"],
        again["responseMessageId"],
    ]
    assert messages[0]["parentMessageId"] == "00000000-0000-0000-0000-000000000000"


async def test_only_a_users_message_is_answered_again(ann: Client) -> None:
    first = await ann.start("one")
    await ann.read(first["streamId"])
    for message_id in (first["responseMessageId"], str(uuid4())):
        reply = await ann.try_start(
            "one",
            conversationId=first["conversationId"],
            isRegenerate=True,
            overrideParentMessageId=message_id,
        )

        assert (reply.status, reply.body["param"]) == (400, "overrideParentMessageId")


async def test_the_model_reads_its_own_thread_in_order() -> None:
    attentive = AttentiveModel()
    async with open_client(attentive, default_model="attentive") as ann:
        first = await ann.start("one")
        await ann.read(first["streamId"])
        ids = {"conversationId": first["conversationId"]}
        await ann.finish("aside", **ids)
        await ann.finish("two", **ids, parentMessageId=first["responseMessageId"])
        await ann.finish("three", **ids)

    asked = [(message.role, message.content) for message in attentive.asked[-1].messages]
    assert asked == [
        ("user", "one"),
        ("assistant", "w0 w1 w2 "),
        ("user", "two"),
        ("assistant", "w0 w1 w2 "),
        ("user", "three"),
    ]


async def test_an_answer_given_again_does_not_read_the_former_one() -> None:
    attentive = AttentiveModel()
    async with open_client(attentive, default_model="attentive") as ann:
        first = await ann.start("one")
        await ann.read(first["streamId"])
        started = await ann.start(
            "one",
            conversationId=first["conversationId"],
            overrideParentMessageId=first["userMessageId"],
        )
        await ann.read(started["generationId"])

        assert attentive.read() == ["one"]


async def test_the_oldest_turns_are_dropped_first_and_the_reply_says_how_many() -> None:
    attentive = AttentiveModel(max_context_tokens=40)
    async with open_client(attentive, default_model="attentive") as ann:
        ids: dict[str, str] = {}
        dropped = []
        for number in range(4):
            started = await ann.start(f"question {number}", promptPrefix="system", **ids)
            frames = await ann.read(started["generationId"])
            ids = {"conversationId": started["conversationId"]}
            dropped.append((started["droppedMessages"], frames[0].data["droppedMessages"]))

    # "system" 6 + the last question 10; a turn before takes 10 + 9: 40 has room for one such turn.
    assert dropped == [(0, 0), (0, 0), (2, 2), (4, 4)]
    assert attentive.read() == ["system", "question 2", "w0 w1 w2 ", "question 3"]


async def test_of_a_long_conversation_a_start_reads_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attentive = AttentiveModel(max_context_tokens=40, parameters={"tokens": 1})
    monkeypatch.setattr(
        "legato.actors.conversation.openings._LEAST_READ", 1000
    )  # the real value takes megabytes
    read: list[Branch] = []

    async def noted(*place: str, most: int) -> Branch:
        read.append(await branch(*place, most=most))
        return read[-1]

    async with open_client(attentive, default_model="attentive") as ann:
        ids: dict[str, str] = {}
        for _ in range(8):
            started = await ann.start("x" * 250, **ids)
            await ann.read(started["generationId"])
            ids = {"conversationId": started["conversationId"]}
        assert ann.app.runtime is not None
        records = ann.app.runtime.records
        branch = records.branch
        monkeypatch.setattr(records, "branch", noted)
        started = await ann.start("last", **ids)
        await ann.read(started["generationId"])

    assert len(read[0].messages) == 7
    assert started["droppedMessages"] == 16
    assert attentive.read() == ["last"]


async def test_the_system_prompt_and_the_question_are_never_dropped() -> None:
    attentive = AttentiveModel(max_context_tokens=5)
    async with open_client(attentive, default_model="attentive") as ann:
        started = await ann.start("a question of some length", promptPrefix="a long system prompt")
        await ann.read(started["generationId"])

    assert started["droppedMessages"] == 0
    assert attentive.read() == ["a long system prompt", "a question of some length"]
