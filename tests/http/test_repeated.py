"""A repeated start: a `clientRequestId` has a single generation, for ever."""

from typing import Any
from uuid import uuid4

import pytest
import trio
from trio.testing import MockClock

from legato.config import Limits
from tests.support.http.client import STILL, Client
from tests.support.http.runtime import AttentiveModel, open_client

IDS = ("streamId", "conversationId", "generationId", "userMessageId", "responseMessageId")


async def test_a_repetition_joins_the_generation_that_runs(
    ann: Client, mock_clock: MockClock
) -> None:
    first = await ann.start(clientRequestId="r:1", model_parameters=STILL)
    again = await ann.start(clientRequestId="r:1", model_parameters=STILL)
    active = await ann.get("/api/agents/chat/active")

    assert (first["status"], again["status"]) == ("started", "resumed")
    assert [again[key] for key in IDS] == [first[key] for key in IDS]
    assert active.body == {"activeJobIds": [first["conversationId"]]}


async def test_a_repetition_joins_it_after_its_end_and_can_read_it(ann: Client) -> None:
    first = await ann.start(clientRequestId="r-1")
    whole = await ann.read(first["streamId"])
    again = await ann.start(clientRequestId="r-1")

    assert again["status"] == "resumed"
    assert again["generationId"] == first["generationId"]
    assert await ann.read(again["generationId"]) == whole
    assert len(await ann.messages(first["conversationId"])) == 2


async def test_a_repetition_after_the_job_has_left_is_settled(autojump_clock: MockClock) -> None:
    attentive = AttentiveModel()
    async with open_client(
        attentive, limits=Limits(retention=60), default_model="attentive"
    ) as ann:
        first = await ann.start(clientRequestId="r-1")
        await ann.read(first["streamId"])
        await trio.sleep(61)
        again = await ann.start(clientRequestId="r-1")
        gone = await ann.get(f"/api/agents/chat/stream/{again['streamId']}")
        messages = await ann.messages(again["conversationId"])

    assert again == {
        "status": "settled",
        "streamId": first["streamId"],
        "conversationId": first["conversationId"],
        "userMessageId": first["userMessageId"],
    }
    assert gone.status == 404
    assert len(messages) == 2
    assert len(attentive.asked) == 1


async def test_repetitions_at_the_same_moment_make_one_generation(
    ann: Client, mock_clock: MockClock
) -> None:
    replies = []

    async def start() -> None:
        replies.append(await ann.start(clientRequestId="r-1", model_parameters=STILL))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(start)

    assert len({reply["generationId"] for reply in replies}) == 1
    assert sorted(reply["status"] for reply in replies) == ["resumed"] * 4 + ["started"]


async def test_a_request_id_is_its_users_own(ann: Client, bob: Client) -> None:
    anns = await ann.start(clientRequestId="r-1")
    bobs = await bob.start(clientRequestId="r-1")

    assert bobs["status"] == "started"
    assert bobs["conversationId"] != anns["conversationId"]


async def test_a_refused_start_may_be_sent_again(ann: Client) -> None:
    conversation_id = str(uuid4())
    refused = await ann.try_start(
        clientRequestId="r-1", conversationId=conversation_id, parentMessageId="unknown"
    )
    accepted = await ann.start(clientRequestId="r-1", conversationId=conversation_id)

    assert refused.status == 400
    assert accepted["status"] == "started"


async def test_a_repetition_is_joined_also_where_the_house_is_full(mock_clock: MockClock) -> None:
    async with open_client(limits=Limits(max_running_jobs_per_user=1)) as ann:
        first = await ann.start(clientRequestId="r-1", model_parameters=STILL)
        again = await ann.start(clientRequestId="r-1", model_parameters=STILL)

    assert again["generationId"] == first["generationId"]


async def test_a_stopped_start_is_not_started_again(ann: Client, mock_clock: MockClock) -> None:
    first = await ann.start(clientRequestId="r-1", model_parameters=STILL)
    await ann.post("/api/agents/chat/abort", {"generationId": first["generationId"]})
    again = await ann.start(clientRequestId="r-1", model_parameters=STILL)
    final = (await ann.read(again["generationId"]))[-1].data

    assert again["status"] == "resumed"
    assert final["aborted"] is True


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "Bye"},
        {"model_parameters": {"tokens": 4}},
        {"promptPrefix": "Be brief."},
        {"conversationId": str(uuid4())},
    ],
)
async def test_a_request_id_of_another_request_is_refused(
    ann: Client, fields: dict[str, Any]
) -> None:
    first = await ann.start(clientRequestId="r-1")
    reply = await ann.try_start(**({"text": "Hi", "clientRequestId": "r-1"} | fields))

    assert (reply.status, reply.body["error"]) == (422, "Request reused")
    assert len(await ann.messages(first["conversationId"])) == 2


async def test_a_request_id_of_another_question_is_refused_for_ever(
    autojump_clock: MockClock,
) -> None:
    async with open_client(limits=Limits(retention=60)) as ann:
        first = await ann.start(clientRequestId="r-1")
        await ann.read(first["streamId"])
        await trio.sleep(61)
        reply = await ann.try_start("Bye", clientRequestId="r-1")
        again = await ann.start(clientRequestId="r-1", on_busy="reject")

    assert reply.status == 422
    assert again["status"] == "settled"
