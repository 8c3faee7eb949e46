"""Stop: the ids that name a generation, the reply, and the state at the time of the reply."""

import pytest
from trio.testing import MockClock

from tests.support.http.client import FAST, STILL, Client

ABORT = "/api/agents/chat/abort"


async def running(ann: Client, **fields: object) -> dict[str, str]:
    """A generation that has said `w0 ` and will say nothing more."""
    started = await ann.start("Hi", **({"model_parameters": STILL} | fields))
    async with ann.follow(started["generationId"]) as stream:
        await stream.until("w0 ")
    return started


@pytest.mark.parametrize(
    "names",
    [
        {"streamId": "streamId"},
        {"conversationId": "conversationId"},
        {"generationId": "generationId"},
        {"streamId": "generationId"},
        {"abortKey": "conversationId"},
        {"conversationId": "new", "abortKey": "conversationId"},
        {"streamId": "streamId", "conversationId": "unknown", "abortKey": "unknown"},
        {"generationId": "generationId", "streamId": "unknown"},
        {"conversationId": "conversationId", "streamId": ""},
    ],
)
async def test_any_of_its_names_stops_it(
    ann: Client, names: dict[str, str], mock_clock: MockClock
) -> None:
    started = await running(ann)
    body = {key: started.get(name, name) for key, name in names.items()}
    if "abortKey" in body:
        body["abortKey"] += ":suffix"
    reply = await ann.post(ABORT, body)

    ending = (await ann.read(started["streamId"]))[-1]
    assert reply.status == 200
    assert reply.body == {
        "success": True,
        "aborted": started["conversationId"],
        "earlyAbort": False,
        "generationId": started["generationId"],
        "cursor": ending.cursor,
    }
    assert (await ann.get("/api/agents/chat/active")).body == {"activeJobIds": []}


async def test_the_partial_answer_is_stored_by_the_time_of_the_reply(
    ann: Client, mock_clock: MockClock
) -> None:
    started = await running(ann)
    await ann.post(ABORT, {"streamId": started["streamId"]})
    question, answer = await ann.messages(started["conversationId"])

    assert question["text"] == "Hi"
    assert answer["messageId"] == started["responseMessageId"]
    assert answer["parentMessageId"] == started["userMessageId"]
    assert answer["content"] == [{"type": "text", "text": "w0 "}]
    assert (answer["unfinished"], answer["error"]) == (True, False)
    assert (answer["model"], answer["endpoint"]) == ("scripted", "agents")


async def test_every_reader_gets_the_same_ending(ann: Client, mock_clock: MockClock) -> None:
    started = await running(ann)
    async with (
        ann.follow(started["streamId"]) as one,
        ann.follow(started["streamId"], "?resume=true") as other,
    ):
        await one.until("w0 ")
        await other.until("w0 ")
        await ann.post(ABORT, {"streamId": started["streamId"]})
        endings = [await one.rest(), await other.rest()]
    final = endings[0][-1].data

    assert endings[0] == endings[1]
    assert len(endings[0]) == 1
    assert (final["final"], final["aborted"], final["earlyAbort"]) == (True, True, False)
    assert final["responseMessage"]["unfinished"] is True
    assert final["requestMessage"]["messageId"] == started["userMessageId"]


async def test_a_stop_before_a_word_is_early_and_stores_no_answer(
    ann: Client, mock_clock: MockClock
) -> None:
    started = await ann.start("Hi", model_parameters={"delay": 10})
    reply = await ann.post(ABORT, {"streamId": started["streamId"]})
    final = (await ann.read(started["streamId"]))[-1].data
    messages = await ann.messages(started["conversationId"])

    assert reply.body["earlyAbort"] is True
    assert (final["aborted"], final["earlyAbort"]) == (True, True)
    assert final["responseMessage"] is None
    assert final["conversation"] is None
    assert [message["text"] for message in messages] == ["Hi"]


async def test_a_second_stop_finds_it_settled(ann: Client, mock_clock: MockClock) -> None:
    started = await running(ann)
    await ann.post(ABORT, {"streamId": started["streamId"]})
    again = await ann.post(ABORT, {"streamId": started["streamId"]})

    assert again.status == 200
    assert again.body == {
        "success": False,
        "settled": True,
        "terminalStatus": "aborted",
        "generationId": started["generationId"],
        "cursor": (await ann.read(started["streamId"]))[-1].cursor,
    }


@pytest.mark.parametrize(
    ("parameters", "terminal"),
    [(FAST, "complete"), ({"tokens": 2, "fail_after": 1, "rate": 0}, "error")],
)
async def test_a_stop_after_the_end_says_how_it_had_ended(
    ann: Client, parameters: dict[str, object], terminal: str
) -> None:
    started = await ann.start(model_parameters=parameters)
    await ann.read(started["streamId"])
    before = await ann.messages(started["conversationId"])
    reply = await ann.post(ABORT, {"conversationId": started["conversationId"]})

    assert (reply.status, reply.body["success"]) == (200, False)
    assert (reply.body["settled"], reply.body["terminalStatus"]) == (True, terminal)
    assert await ann.messages(started["conversationId"]) == before


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"streamId": "unknown"}, "unknown"),
        ({"conversationId": "new"}, None),
        ({"conversationId": "new", "abortKey": ":x"}, None),
        ({}, None),
        ({"generationId": "0" * 26}, "0" * 26),
    ],
)
async def test_an_unknown_stop_is_not_found_and_stops_nothing_else(
    ann: Client, body: dict[str, str], said: str | None, mock_clock: MockClock
) -> None:
    started = await running(ann)
    reply = await ann.post(ABORT, body)
    active = await ann.get("/api/agents/chat/active")

    assert (reply.status, reply.body["error"], reply.body["streamId"]) == (
        404,
        "Job not found",
        said,
    )
    assert active.body == {"activeJobIds": [started["conversationId"]]}


async def test_a_foreign_stop_is_refused_and_stops_nothing(
    ann: Client, bob: Client, mock_clock: MockClock
) -> None:
    started = await running(ann)
    for key in ("streamId", "generationId"):
        reply = await bob.post(ABORT, {key: started[key]})

        assert (reply.status, reply.body["error"]) == (403, "Unauthorized")
    assert (await ann.get("/api/agents/chat/active")).body["activeJobIds"]


@pytest.mark.parametrize("key", ["streamId", "conversationId", "abortKey", "generationId"])
@pytest.mark.parametrize("value", [1, True, [], {}])
async def test_a_name_of_a_wrong_type_is_refused(ann: Client, key: str, value: object) -> None:
    reply = await ann.post(ABORT, {key: value})

    assert (reply.status, reply.body["param"]) == (400, key)


async def test_a_stopped_conversation_takes_the_next_turn(
    ann: Client, mock_clock: MockClock
) -> None:
    started = await running(ann)
    await ann.post(ABORT, {"streamId": started["streamId"]})
    following = await ann.start("Go on", conversationId=started["conversationId"])
    final = (await ann.read(following["generationId"]))[-1].data

    assert final["requestMessage"]["parentMessageId"] == started["responseMessageId"]
