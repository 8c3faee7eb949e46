"""Starts in a busy conversation, and at the limit of generations."""

from uuid import uuid4

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.config import Limits
from tests.support.http.client import FAST, STILL, Client
from tests.support.http.runtime import open_client


async def test_a_second_start_interrupts_the_first_properly(
    ann: Client, mock_clock: MockClock
) -> None:
    first = await ann.start("one", model_parameters=STILL)
    async with ann.follow(first["generationId"]) as stream:
        await stream.until("w0 ")
        second = await ann.start("two", conversationId=first["conversationId"])
        ending = (await stream.rest())[-1].data
    await ann.read(second["generationId"])
    messages = await ann.messages(first["conversationId"])

    assert second["status"] == "started"
    assert ending["aborted"] is True
    assert ending["responseMessage"]["unfinished"] is True
    assert [each["text"] for each in messages] == ["one", "", "two", ""]
    assert messages[1]["content"] == [{"type": "text", "text": "w0 "}]
    assert messages[2]["parentMessageId"] == first["responseMessageId"]


async def test_a_start_may_ask_not_to_disturb(ann: Client, mock_clock: MockClock) -> None:
    first = await ann.start("one", model_parameters=STILL)
    ids = {"conversationId": first["conversationId"]}
    reply = await ann.try_start("two", **ids, on_busy="reject")
    active = await ann.get("/api/agents/chat/active")

    assert (reply.status, reply.body["error"]) == (409, "Conversation busy")
    assert active.body == {"activeJobIds": [first["conversationId"]]}


async def test_a_start_that_asks_not_to_disturb_starts_where_nothing_runs(ann: Client) -> None:
    first = await ann.start("one")
    await ann.read(first["streamId"])
    ids = {"conversationId": first["conversationId"]}
    reply = await ann.try_start("two", **ids, on_busy="reject")

    assert (reply.status, reply.body["status"]) == (200, "started")


async def test_a_start_may_wait_for_its_turn(ann: Client, autojump_clock: MockClock) -> None:
    slow = {"tokens": 3, "rate": 1}
    first = await ann.start("one", model_parameters=slow)
    ids = {"conversationId": first["conversationId"], "on_busy": "enqueue"}
    second = await ann.start("two", **ids, model_parameters=slow)
    third = await ann.start("three", **ids)
    running = (await ann.get(f"/api/agents/chat/status/{first['streamId']}")).body
    await ann.read(third["generationId"])
    messages = await ann.messages(first["conversationId"])

    assert [second["status"], third["status"]] == ["queued", "queued"]
    assert running["generationId"] == first["generationId"]
    assert [each["text"] for each in messages] == ["one", "", "two", "", "three", ""]
    parents = [each["parentMessageId"] for each in messages]
    assert parents[1:] == [each["messageId"] for each in messages[:-1]]
    assert all(each["unfinished"] is False for each in messages)


async def test_the_one_that_waits_can_be_stopped_before_it_begins(
    ann: Client, mock_clock: MockClock
) -> None:
    first = await ann.start("one", model_parameters=STILL)
    ids = {"conversationId": first["conversationId"], "on_busy": "enqueue"}
    second = await ann.start("two", **ids)
    reply = await ann.post("/api/agents/chat/abort", {"generationId": second["generationId"]})
    active = await ann.get("/api/agents/chat/active")
    messages = await ann.messages(first["conversationId"])

    assert reply.body["success"] is True
    assert reply.body["earlyAbort"] is True
    assert active.body == {"activeJobIds": [first["conversationId"]]}
    assert [each["text"] for each in messages] == ["one"]


@pytest.mark.parametrize(("setting", "status"), [("interrupt", 200), ("reject", 409)])
async def test_the_setting_counts_where_the_body_says_nothing(
    setting: str, status: int, mock_clock: MockClock
) -> None:
    async with open_client(on_busy=setting) as ann:
        first = await ann.start(model_parameters=STILL)
        ids = {"conversationId": first["conversationId"]}
        by_setting = await ann.try_start(**ids, model_parameters=STILL)
        by_body = await ann.try_start(**ids, on_busy="enqueue", model_parameters=STILL)

    assert by_setting.status == status
    assert by_body.body["status"] == "queued"


async def test_one_user_has_only_so_many_running(mock_clock: MockClock) -> None:
    limits = Limits(max_running_jobs_per_user=2)
    async with open_client(limits=limits) as ann:
        first = await ann.start(model_parameters=STILL)
        await ann.start(model_parameters=STILL)
        refused = await ann.try_start()
        await ann.post("/api/agents/chat/abort", {"streamId": first["streamId"]})
        accepted = await ann.try_start()

    assert (refused.status, refused.body["error"]) == (429, "Too many generations")
    assert int(refused.headers["retry-after"]) > 0
    assert accepted.status == 200


async def test_the_server_has_only_so_many_running(mock_clock: MockClock) -> None:
    async with open_client(limits=Limits(max_running_jobs=1)) as ann:
        await ann.start(model_parameters=STILL)
        refused = await ann.try_start()

    assert (refused.status, refused.body["error"]) == (503, "Too many generations")
    assert int(refused.headers["retry-after"]) > 0


async def test_a_start_that_is_one_too_many_disturbs_nothing(mock_clock: MockClock) -> None:
    async with open_client(limits=Limits(max_running_jobs_per_user=1)) as ann:
        first = await ann.start(model_parameters=STILL, conversationId=str(uuid4()))
        await ann.try_start(model_parameters=FAST)
        await wait_all_tasks_blocked()
        status = await ann.get(f"/api/agents/chat/status/{first['streamId']}")

    assert status.body["active"] is True
