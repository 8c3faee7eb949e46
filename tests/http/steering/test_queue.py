"""The queue of a conversation: seen, cancelled, reordered, edited, and bounded."""

from collections.abc import Sequence
from typing import Any

from trio.testing import MockClock

from legato.config import Limits
from tests.support.http.client import FAST, STILL, Client
from tests.support.http.runtime import open_client

QUEUE = "/api/agents/chat/queue"
UNKNOWN = "01M846XJQTHKRR16F0RWQP9999"


class Queued:
    """A conversation that answers, and the turns that wait in it."""

    def __init__(self, client: Client, started: Sequence[Any]) -> None:
        self.client = client
        self.conversation_id = started[0]["conversationId"]
        self.running, *self.waiting = (each["generationId"] for each in started)

    def body(self, at: int, **fields: object) -> dict[str, object]:
        ids = {"conversationId": self.conversation_id, "generationId": self.waiting[at]}
        return ids | fields

    async def post(self, act: str, at: int, **fields: object) -> Any:
        return await self.client.post(f"{QUEUE}/{act}", self.body(at, **fields))

    async def listed(self) -> Any:
        return (await self.client.get(f"{QUEUE}/{self.conversation_id}")).body["queue"]

    async def texts(self) -> list[str]:
        return [each["text"] for each in await self.listed()]

    async def asked(self) -> list[str]:
        """The questions of the conversation, once all its turns have ended."""
        await self.client.read(self.waiting[0])
        for each in self.waiting:
            await self.client.read(each)
        messages = await self.client.messages(self.conversation_id)
        return [each["text"] for each in messages if each["isCreatedByUser"]]


async def queued(client: Client, *texts: str, **first: object) -> Queued:
    parameters = first or STILL
    started = [await client.start("first", model_parameters=parameters)]
    ids = {"conversationId": started[0]["conversationId"], "on_busy": "enqueue"}
    started += [await client.start(text, **ids, model_parameters=FAST) for text in texts]
    return Queued(client, started)


async def test_waiting_turns_are_listed_in_their_order(ann: Client, mock_clock: MockClock) -> None:
    first = await ann.start("first", model_parameters=STILL)
    ids = {"conversationId": first["conversationId"], "on_busy": "enqueue"}
    second = await ann.start("second", **ids, clientRequestId="r2")
    third = await ann.start("third", **ids)
    reply = await ann.get(f"{QUEUE}/{first['conversationId']}")

    assert (reply.status, reply.body["conversationId"]) == (200, first["conversationId"])
    entry, other = reply.body["queue"]
    assert entry.pop("createdAt") <= other["createdAt"]
    assert entry == {
        "generationId": second["generationId"],
        "clientRequestId": "r2",
        "userMessageId": second["userMessageId"],
        "text": "second",
        "position": 1,
        "cursor": f"{second['generationId']}:1:1",
    }
    assert (other["generationId"], other["position"]) == (third["generationId"], 2)
    assert "clientRequestId" not in other


async def test_a_turn_that_was_cancelled_never_begins_and_disturbs_nobody(
    ann: Client, autojump_clock: MockClock
) -> None:
    turns = await queued(ann, "second", "third", tokens=3, rate=1)
    reply = await turns.post("cancel", 0)
    again = await turns.post("cancel", 0)

    assert (reply.status, reply.body["cancelled"]) == (200, True)
    assert reply.body["cursor"] == f"{turns.waiting[0]}:1:2"
    assert again.body == reply.body
    assert await turns.texts() == ["third"]
    assert await turns.asked() == ["first", "third"]


async def test_a_turn_that_was_moved_begins_first(ann: Client, autojump_clock: MockClock) -> None:
    turns = await queued(ann, "second", "third", "fourth", tokens=3, rate=1)
    reply = await turns.post("front", 2)
    order = await turns.texts()

    assert (reply.status, reply.body["position"]) == (200, 1)
    assert reply.body["cursor"] == f"{turns.waiting[2]}:1:2"
    assert order == ["fourth", "second", "third"]
    assert await turns.asked() == ["first", "fourth", "second", "third"]


async def test_a_move_that_is_asked_again_has_the_first_reply_and_moves_nothing(
    ann: Client, mock_clock: MockClock
) -> None:
    turns = await queued(ann, "second", "third", "fourth")
    first = await turns.post("front", 1, clientRequestId="m")
    await turns.post("front", 2)
    again = await turns.post("front", 1, clientRequestId="m")
    path = f"{QUEUE}/{turns.waiting[1]}"
    other = await ann.ask("PATCH", path, {"text": "x", "clientRequestId": "m"})

    assert again.body == first.body
    assert await turns.texts() == ["fourth", "third", "second"]
    assert (other.status, other.body["error"]) == (422, "Request reused")


async def test_send_now_stops_what_runs_and_begins_next(
    ann: Client, autojump_clock: MockClock
) -> None:
    turns = await queued(ann, "second", "third", tokens=1000, rate=1)
    async with ann.follow(turns.running) as stream:
        await stream.until("w0 ")
        reply = await turns.post("now", 1, clientRequestId="n")
        ending = (await stream.rest())[-1].data

    assert (reply.status, reply.body["position"]) == (200, 1)
    assert ending["aborted"] is True
    assert await turns.asked() == ["first", "third", "second"]
    assert (await turns.post("now", 1, clientRequestId="n")).body == reply.body


async def test_the_text_of_a_waiting_turn_can_be_changed(
    ann: Client, autojump_clock: MockClock
) -> None:
    turns = await queued(ann, "second", "third", tokens=3, rate=1)
    path = f"{QUEUE}/{turns.waiting[0]}"
    change = {"text": "2nd", "clientRequestId": "e"}
    reply = await ann.ask("PATCH", path, change)
    again = await ann.ask("PATCH", path, change)
    other = await ann.ask("PATCH", path, {"text": "two", "clientRequestId": "e"})
    refused = [
        await ann.ask("PATCH", path, {"text": " "}),
        await ann.ask("PATCH", path, {"text": "x" * 300_000}),
    ]

    assert (reply.status, reply.body["text"]) == (200, "2nd")
    assert again.body == reply.body
    assert other.status == 422
    assert [each.status for each in refused] == [400, 413]
    assert await turns.asked() == ["first", "2nd", "third"]


async def test_a_turn_that_has_begun_is_not_in_the_queue(
    ann: Client, mock_clock: MockClock
) -> None:
    turns = await queued(ann, "second")
    body = {"conversationId": turns.conversation_id, "generationId": turns.running}
    replies = [await ann.post(f"{QUEUE}/{act}", body) for act in ("cancel", "front", "now")]
    replies.append(await ann.ask("PATCH", f"{QUEUE}/{turns.running}", {"text": "x"}))
    status = await ann.get(f"/api/agents/chat/status/{turns.running}")

    for reply in replies:
        assert (reply.status, reply.body["error"]) == (409, "Not queued")
        assert reply.body["generationStatus"] == "running"
        assert reply.body["cursor"] == status.body["cursor"]
    assert status.body["active"] is True
    await ann.post("/api/agents/chat/abort", {"generationId": turns.waiting[0]})
    moved = await turns.post("front", 0)
    assert (moved.status, moved.body["generationStatus"]) == (409, "aborted")


async def test_the_queue_is_its_owners(ann: Client, bob: Client, mock_clock: MockClock) -> None:
    turns = await queued(ann, "second")
    replies = [
        await bob.post(f"{QUEUE}/{act}", turns.body(0)) for act in ("cancel", "front", "now")
    ]
    replies.append(await bob.get(f"{QUEUE}/{turns.conversation_id}"))
    replies.append(await bob.ask("PATCH", f"{QUEUE}/{turns.waiting[0]}", {"text": "x"}))

    assert [each.status for each in replies] == [403] * 5
    assert await turns.texts() == ["second"]


async def test_a_turn_that_is_nowhere_is_not_found(ann: Client, mock_clock: MockClock) -> None:
    turns = await queued(ann, "second")
    other = await ann.start("elsewhere")
    wrong = turns.body(0) | {"conversationId": other["conversationId"]}
    unknown = turns.body(0) | {"generationId": UNKNOWN}
    by_conversation = turns.body(0) | {"generationId": turns.conversation_id}

    for body in (wrong, unknown, by_conversation):
        assert (await ann.post(f"{QUEUE}/front", body)).status == 404
    assert (await ann.get(f"{QUEUE}/{UNKNOWN}")).status == 404
    assert (await ann.ask("PATCH", f"{QUEUE}/{UNKNOWN}", {"text": "x"})).status == 404
    assert (await ann.post(f"{QUEUE}/front", {"conversationId": "x"})).status == 400


async def test_an_empty_queue_is_empty(ann: Client) -> None:
    started = await ann.start("one")
    await ann.read(started["streamId"])
    reply = await ann.get(f"{QUEUE}/{started['conversationId']}")

    assert (reply.status, reply.body["queue"]) == (200, [])


async def test_only_so_many_turns_wait(mock_clock: MockClock) -> None:
    limits = Limits(max_queued_jobs=2, max_queued_jobs_per_user=3)
    async with open_client(limits=limits) as ann:
        turns = await queued(ann, "second", "third")
        ids = {"conversationId": turns.conversation_id, "on_busy": "enqueue"}
        full = await ann.try_start("fourth", **ids)
        other = await queued(ann, "second")
        of_user = await ann.try_start(
            "third", conversationId=other.conversation_id, on_busy="enqueue"
        )
        await turns.post("cancel", 0)
        accepted = await ann.try_start("fourth", **ids)

    assert (full.status, full.body["error"]) == (429, "Queue full")
    assert "The conversation has 2 waiting turns" in full.body["message"]
    assert int(full.headers["retry-after"]) > 0
    assert (of_user.status, of_user.body["error"]) == (429, "Queue full")
    assert "You have 3 waiting turns" in of_user.body["message"]
    assert accepted.body["status"] == "queued"


async def test_a_waiting_turn_takes_only_so_many_changes(
    ann: Client, mock_clock: MockClock
) -> None:
    turns = await queued(ann, "second")
    replies = [await turns.post("front", 0) for _ in range(101)]

    assert {each.status for each in replies[:100]} == {200}
    assert (replies[100].status, replies[100].body["error"]) == (429, "Too many changes")
    assert replies[100].body["cursor"] == f"{turns.waiting[0]}:1:101"
