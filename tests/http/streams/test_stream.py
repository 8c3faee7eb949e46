"""Following a generation: headers, frames, replay and life, to the ending."""

import pytest
import trio
from trio.testing import MockClock

from legato.config import Limits
from tests.support.http.client import STILL, Client, Frame
from tests.support.http.runtime import open_client


def texts(frames: list[Frame]) -> str:
    deltas = [f.data["data"] for f in frames if f.data.get("event") == "on_message_delta"]
    return "".join(delta["delta"]["content"][0]["text"] for delta in deltas)


async def test_the_whole_stream_in_order(ann: Client) -> None:
    started = await ann.start("Hi", model_parameters={"tokens": 2, "reasoning": 1, "rate": 0})
    frames = await ann.read(started["streamId"])
    kinds = [frame.data.get("event") for frame in frames]

    assert frames[0].data["created"] is True
    assert kinds[1:-1] == ["on_run_step", "on_reasoning_delta", "on_run_step"] + [
        "on_message_delta"
    ] * (len(frames) - 5)
    assert frames[-1].data["final"] is True
    assert texts(frames) == "w0 w1 "
    assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
    assert {frame.name for frame in frames} == {"message"}
    assert {frame.cursor.split(":")[0] for frame in frames} == {started["generationId"]}


async def test_created_says_what_a_page_needs(ann: Client) -> None:
    started = await ann.start("Hi")
    created = (await ann.read(started["streamId"]))[0].data

    assert created["streamId"] == started["conversationId"]
    assert created["generationId"] == started["generationId"]
    assert created["responseMessageId"] == started["responseMessageId"]
    message = created["message"]
    assert message["messageId"] == started["userMessageId"]
    assert (message["text"], message["sender"]) == ("Hi", "User")


async def test_steps_come_before_their_deltas_and_name_the_answer(ann: Client) -> None:
    started = await ann.start(model_parameters={"tokens": 1, "tool_calls": 2, "rate": 0})
    frames = await ann.read(started["streamId"])
    known: dict[str, int] = {}
    for data in (frame.data["data"] for frame in frames if "event" in frame.data):
        if "runId" in data:
            assert data["runId"] == started["responseMessageId"]
            known[data["id"]] = data["index"]
        else:
            assert data["id"] in known
    content = frames[-1].data["responseMessage"]["content"]

    assert sorted(known.values()) == [0, 1, 2]
    assert [part["type"] for part in content] == ["text", "tool_call", "tool_call"]


async def test_the_ending_has_the_turn_as_it_is_stored(ann: Client) -> None:
    started = await ann.start("Hi")
    final = (await ann.read(started["streamId"]))[-1].data
    conversation_id = started["conversationId"]
    stored = await ann.messages(conversation_id)
    conversation = (await ann.get(f"/api/convos/{conversation_id}")).body

    assert final["generationId"] == started["generationId"]
    assert final["requestMessage"].items() <= stored[0].items()
    assert final["responseMessage"].items() <= stored[1].items()
    assert final["conversation"]["conversationId"] == conversation["conversationId"]
    assert "aborted" not in final


async def test_the_headers_are_a_streams(ann: Client) -> None:
    started = await ann.start()
    async with ann.follow(started["streamId"]) as stream:
        await stream.rest()
        headers = {name.lower(): value for name, value in stream.headers.items()}

    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-store, no-transform"
    assert headers["content-encoding"] == "identity"
    assert headers["x-accel-buffering"] == "no"
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-length" not in headers


async def test_every_reader_gets_the_replay_and_then_life(
    ann: Client, mock_clock: MockClock
) -> None:
    started = await ann.start(model_parameters={"tokens": 4, "rate": 1})
    async with ann.follow(started["streamId"]) as early:
        before = await early.until("w0 ")
        mock_clock.jump(1)
        before += await early.until("w1 ")
        async with ann.follow(started["generationId"]) as late:
            replayed = await late.until("w1 ")
            mock_clock.jump(10)
            assert replayed + await late.rest() == before + await early.rest()


async def test_after_the_end_it_is_replayed_for_the_retention_time_and_then_gone(
    autojump_clock: MockClock,
) -> None:
    async with open_client(limits=Limits(retention=60)) as ann:
        started = await ann.start()
        live = await ann.read(started["streamId"])
        await trio.sleep(59)
        again = await ann.read(started["streamId"])
        await trio.sleep(2)
        gone = await ann.get(f"/api/agents/chat/stream/{started['streamId']}")

    assert again == live
    assert gone.status == 404
    assert gone.body == {
        "error": "Stream not found",
        "message": "The generation job does not exist or has expired.",
    }


async def test_a_reader_that_leaves_stops_nothing(ann: Client, autojump_clock: MockClock) -> None:
    started = await ann.start(model_parameters={"tokens": 4, "rate": 1})
    async with ann.follow(started["streamId"]) as stream:
        await stream.until("w0 ")
    await trio.sleep(10)
    messages = await ann.messages(started["conversationId"])

    assert messages[1]["content"] == [{"type": "text", "text": "w0 w1 w2 w3 "}]
    assert messages[1]["unfinished"] is False


async def test_in_silence_a_comment_every_fifteen_seconds(
    ann: Client, autojump_clock: MockClock
) -> None:
    started = await ann.start(model_parameters={"tokens": 1, "delay": 40, "rate": 0})
    times = []
    async with ann.follow(started["streamId"]) as stream:
        await stream.until("created")
        begun = trio.current_time()
        while (frame := await stream.next()).name == ":":
            times.append(trio.current_time() - begun)
        rest = [frame, *await stream.rest()]

    assert times == pytest.approx([15, 30])
    assert texts(rest) == "w0 "


@pytest.mark.parametrize("query", ["", "?resume=true", "?after=x:1:1"])
async def test_a_foreign_stream_is_refused_and_an_unknown_one_not_found(
    ann: Client, bob: Client, query: str, mock_clock: MockClock
) -> None:
    started = await ann.start(model_parameters=STILL)
    for stream_id in (started["streamId"], started["generationId"]):
        refused = await bob.get(f"/api/agents/chat/stream/{stream_id}{query}")

        assert (refused.status, refused.body["error"]) == (403, "Unauthorized")
        assert started["streamId"] not in refused.text
    unknown = await ann.get(f"/api/agents/chat/stream/unknown{query}")

    assert (unknown.status, unknown.body["error"]) == (404, "Stream not found")


async def test_a_failure_of_the_model_is_in_the_content_and_in_the_ending(ann: Client) -> None:
    started = await ann.start(model_parameters={"tokens": 5, "fail_after": 2, "rate": 0})
    final = (await ann.read(started["streamId"]))[-1]
    messages = await ann.messages(started["conversationId"])

    part = final.data["responseMessage"]["content"][-1]
    assert (final.name, final.data["final"]) == ("message", True)
    assert final.data["failed"]["reason"] == "provider_error"
    assert part == {"type": "error", "error": final.data["failed"]["message"]}
    assert messages[1]["content"][-1] == part
    assert messages[1]["unfinished"] is True
