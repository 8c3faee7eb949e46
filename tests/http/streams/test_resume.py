"""Coming back: exactly what was missed, or the state of now, and never a lie about a cursor."""

from urllib.parse import quote

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.http.client import STILL, Client, Frame

MANY = {"tokens": 6, "reasoning": 3, "tool_calls": 1, "rate": 0}


async def test_a_cursor_gives_exactly_what_was_missed_at_every_position(ann: Client) -> None:
    started = await ann.start(model_parameters=MANY)
    whole = await ann.read(started["streamId"])
    for position, frame in enumerate(whole[:-1], start=1):
        by_header = await ann.read(started["streamId"], Last_Event_ID=frame.cursor)
        by_query = await ann.read(started["streamId"], f"?after={frame.cursor}")

        assert by_header == by_query == whole[position:]


async def test_a_cursor_of_the_ending_has_missed_nothing_and_nothing_follows(ann: Client) -> None:
    started = await ann.start()
    *_, before, last = await ann.read(started["streamId"])
    path = f"/api/agents/chat/stream/{started['streamId']}"
    by_query = await ann.get(f"{path}?after={last.cursor}")
    by_header = await ann.get(path, **{"Last-Event-ID": last.cursor})

    assert [(reply.status, reply.text) for reply in (by_query, by_header)] == [(204, "")] * 2
    assert await ann.read(started["streamId"], f"?after={before.cursor}") == [last]


async def test_a_cursor_of_the_newest_event_of_what_runs_goes_on_live(ann: Client) -> None:
    started = await ann.start(model_parameters=STILL)
    async with ann.follow(started["streamId"]) as stream:
        first = await stream.until("w0")
    async with ann.follow(started["streamId"], f"?after={first[-1].cursor}") as again:
        await wait_all_tasks_blocked()
        assert again.status == 200


async def test_a_cursor_before_everything_gives_everything(ann: Client) -> None:
    started = await ann.start()
    whole = await ann.read(started["streamId"])
    zero = f"{started['generationId']}:1:0"

    assert await ann.read(started["streamId"], f"?after={zero}") == whole


async def test_a_cursor_in_the_middle_goes_on_live(ann: Client, mock_clock: MockClock) -> None:
    started = await ann.start(model_parameters={"tokens": 3, "rate": 1})
    async with ann.follow(started["streamId"]) as stream:
        seen = await stream.until("w0 ")
    async with ann.follow(started["streamId"], Last_Event_ID=seen[-1].cursor) as stream:
        await wait_all_tasks_blocked()
        mock_clock.jump(5)
        seen += await stream.rest()

    assert seen == await ann.read(started["streamId"])


async def test_the_query_counts_before_the_header(ann: Client) -> None:
    started = await ann.start()
    whole = await ann.read(started["streamId"])
    query = f"?after={whole[1].cursor}"

    assert await ann.read(started["streamId"], query, Last_Event_ID=whole[0].cursor) == whole[2:]


async def test_a_resume_is_the_sync_frame_and_then_life(ann: Client, mock_clock: MockClock) -> None:
    parameters = {"tokens": 2, "reasoning": 2, "rate": 1}
    started = await ann.start("Hi", model_parameters=parameters)
    async with ann.follow(started["streamId"]) as stream:
        seen = await stream.until("r0 ")
        mock_clock.jump(2)
        seen += await stream.until("w0 ")
    async with ann.follow(started["streamId"], "?resume=true") as stream:
        sync = await stream.next()
        mock_clock.jump(5)
        rest = await stream.rest()
    whole = await ann.read(started["streamId"])

    state = sync.data["resumeState"]
    assert sync.data["sync"] is True
    assert sync.data["pendingEvents"] == []
    assert state["aggregatedContent"] == [
        {"type": "think", "think": "r0 r1 "},
        {"type": "text", "text": "w0 "},
    ]
    steps = [frame.data["data"] for frame in seen if frame.data.get("event") == "on_run_step"]
    assert state["runSteps"] == steps
    assert [step["index"] for step in state["runSteps"]] == [0, 1]
    assert state["userMessage"] == whole[0].data["message"]
    assert state["responseMessageId"] == started["responseMessageId"]
    assert state["conversationId"] == started["conversationId"]
    assert state["generationId"] == started["generationId"]
    assert sync.cursor == seen[-1].cursor
    assert rest == whole[sync.seq :]


async def test_a_resume_after_the_end_is_the_state_and_the_ending(ann: Client) -> None:
    started = await ann.start(model_parameters=MANY)
    whole = await ann.read(started["streamId"])
    sync, final = await ann.read(started["streamId"], "?resume=true")

    content = sync.data["resumeState"]["aggregatedContent"]
    assert final == whole[-1]
    assert content == final.data["responseMessage"]["content"]
    assert sync.seq == final.seq - 1


@pytest.mark.parametrize("value", ["false", "TRUE", "1", ""])
async def test_only_the_word_true_asks_for_the_state(ann: Client, value: str) -> None:
    started = await ann.start()
    frames = await ann.read(started["streamId"], f"?resume={value}")

    assert frames[0].data["created"] is True


GARBAGE = ["x", "a:b", "a:1:x", "a:1:-1", "a:1: 1", "a:1:1:1", ":1:1", "a:1:", "a:1:1e3", "a:1:٣"]


@pytest.mark.parametrize("cursor", [*GARBAGE, "a:1:" + "9" * 5000, "a" * 5000])
async def test_a_malformed_cursor_is_refused(ann: Client, cursor: str) -> None:
    started = await ann.start()
    path = f"/api/agents/chat/stream/{started['streamId']}"
    reply = await ann.get(f"{path}?after={quote(cursor)}")

    assert (reply.status, reply.body["param"]) == (400, "after")
    assert "job_id:epoch:seq" in reply.body["message"]
    assert len(reply.text) < 1000


async def test_a_malformed_header_is_refused_by_its_name(ann: Client) -> None:
    started = await ann.start()
    path = f"/api/agents/chat/stream/{started['streamId']}"
    reply = await ann.ask("GET", path, headers={"Last-Event-ID": "41"})

    assert (reply.status, reply.body["param"]) == (400, "Last-Event-ID")


async def test_a_cursor_that_does_not_hold_here_gets_the_state(ann: Client) -> None:
    started = await ann.start()
    whole = await ann.read(started["streamId"])
    job_id = started["generationId"]
    for cursor in (f"{'0' * 26}:1:1", f"{job_id}:2:1", f"{job_id}:1:999", f"{job_id}:1:{10**14}"):
        sync, final = await ann.read(started["streamId"], f"?after={cursor}")

        assert sync.data["sync"] is True
        assert final == whole[-1]


async def test_a_cursor_of_the_former_generation_gets_the_state_of_this_one(
    ann: Client, mock_clock: MockClock
) -> None:
    first = await ann.start()
    former = (await ann.read(first["streamId"]))[2]
    ids = {"conversationId": first["conversationId"], "model_parameters": STILL}
    second = await ann.start("two", **ids)
    async with ann.follow(second["streamId"]) as stream:
        await stream.until("w0 ")
    async with ann.follow(second["streamId"], Last_Event_ID=former.cursor) as stream:
        sync = await stream.next()

    assert sync.data["resumeState"]["generationId"] == second["generationId"]
    assert sync.data["resumeState"]["aggregatedContent"] == [{"type": "text", "text": "w0 "}]


async def test_any_cursor_of_a_long_answer_gets_exactly_what_it_missed(ann: Client) -> None:
    started = await ann.start(model_parameters={"tokens": 2500, "rate": 0})
    whole = await ann.read(started["streamId"])
    for seq in (0, 1, 700, 1024, 2047, 2048, 2049, len(whole) - 1):
        cursor = f"{started['generationId']}:1:{seq}"
        assert await ann.read(started["streamId"], f"?after={cursor}") == whole[seq:]


def content_of(frames: list[Frame]) -> object:
    return frames[-1].data["responseMessage"]["content"]
