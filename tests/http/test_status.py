"""Asking how generations stand."""

import trio
from trio.testing import MockClock

from tests.support.http.client import FAST, STILL, Client


async def test_active_are_the_conversations_in_which_one_runs(
    ann: Client, bob: Client, mock_clock: MockClock
) -> None:
    ended = await ann.start(model_parameters=FAST)
    await ann.read(ended["streamId"])
    first = await ann.start(model_parameters=STILL)
    second = await ann.start(model_parameters=STILL)
    queued = {"conversationId": first["conversationId"], "on_busy": "enqueue"}
    await ann.start(**queued)
    body = {"model": "scripted", "input": "Hi", "background": True}
    assert (await ann.post("/v1/responses", body)).status == 200  # what an API asked is none
    bobs = await bob.start(model_parameters=STILL)
    active = await ann.get("/api/agents/chat/active")

    assert active.body == {"activeJobIds": [first["conversationId"], second["conversationId"]]}
    assert (await bob.get("/api/agents/chat/active")).body == {"activeJobIds": [bobs["streamId"]]}


async def test_the_status_of_a_running_generation_has_all_that_a_page_shows(
    ann: Client, mock_clock: MockClock
) -> None:
    started = await ann.start("Hi", model_parameters=STILL)
    async with ann.follow(started["streamId"]) as stream:
        await stream.until("w0 ")
    status = (await ann.get(f"/api/agents/chat/status/{started['streamId']}")).body
    async with ann.follow(started["streamId"], "?resume=true") as stream:
        sync = (await stream.next()).data

    assert status["active"] is True
    assert status["status"] == "running"
    assert status["streamId"] == started["conversationId"]
    assert status["generationId"] == started["generationId"]
    assert status["aggregatedContent"] == [{"type": "text", "text": "w0 "}]
    assert status["resumeState"] == sync["resumeState"]
    assert abs(status["createdAt"] / 1000 - wall_clock(started["generationId"])) < 1


def wall_clock(generation_id: str) -> float:
    """Seconds since 1970: the first ten characters of a ULID are milliseconds."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    milliseconds = 0
    for character in generation_id[:10]:
        milliseconds = milliseconds * 32 + alphabet.index(character)
    return milliseconds / 1000


async def test_the_status_of_an_ended_generation_says_how_it_ended(
    ann: Client, mock_clock: MockClock
) -> None:
    complete = await ann.start(model_parameters=FAST)
    await ann.read(complete["streamId"])
    failed = await ann.start(model_parameters={"tokens": 2, "fail_after": 1, "rate": 0})
    await ann.read(failed["streamId"])
    stopped = await ann.start(model_parameters=STILL)
    await ann.post("/api/agents/chat/abort", {"streamId": stopped["streamId"]})
    found = []
    for started in (complete, failed, stopped):
        body = (await ann.get(f"/api/agents/chat/status/{started['streamId']}")).body
        found.append((body["active"], body["status"]))

    assert found == [(False, "complete"), (False, "error"), (False, "aborted")]


async def test_the_status_is_the_same_by_job_id(ann: Client, mock_clock: MockClock) -> None:
    started = await ann.start(model_parameters=STILL)
    by_stream = await ann.get(f"/api/agents/chat/status/{started['streamId']}")
    by_job = await ann.get(f"/api/agents/chat/status/{started['generationId']}")

    assert by_stream.body == by_job.body


async def test_there_is_a_status_before_the_model_said_a_word(
    ann: Client, mock_clock: MockClock
) -> None:
    started = await ann.start(model_parameters={"delay": 10})
    body = (await ann.get(f"/api/agents/chat/status/{started['streamId']}")).body

    assert (body["active"], body["aggregatedContent"]) == (True, [])
    assert body["resumeState"]["runSteps"] == []
    assert body["resumeState"]["userMessage"]["messageId"] == started["userMessageId"]


async def test_of_what_is_not_there_the_status_is_inactive_and_nothing_else(
    ann: Client, autojump_clock: MockClock
) -> None:
    started = await ann.start()
    await ann.read(started["streamId"])
    await trio.sleep(601)
    for stream_id in (started["streamId"], started["generationId"], "unknown", "new"):
        reply = await ann.get(f"/api/agents/chat/status/{stream_id}")

        assert (reply.status, reply.body) == (200, {"active": False})


async def test_a_foreign_status_is_refused(ann: Client, bob: Client) -> None:
    started = await ann.start()
    for stream_id in (started["streamId"], started["generationId"]):
        reply = await bob.get(f"/api/agents/chat/status/{stream_id}")

        assert (reply.status, reply.body["error"]) == (403, "Unauthorized")


async def test_a_conversation_is_found_however_its_uuid_is_spelt(ann: Client) -> None:
    conversation_id = (await ann.finish("Hi"))["conversation"]["conversationId"]
    spelt = conversation_id.upper()

    assert (await ann.get(f"/api/agents/chat/status/{spelt}")).body["streamId"] == conversation_id
    assert len((await ann.get(f"/api/messages/{spelt}")).body) == 2
    assert (await ann.get(f"/api/convos/{spelt}")).status == 200
