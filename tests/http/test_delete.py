"""Deleting a conversation, also while a generation runs there."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from trio.testing import MockClock

from tests.support.http.client import STILL, Client, Reply


async def delete(ann: Client, conversation_id: str) -> Reply:
    return await ann.ask("DELETE", "/api/convos", {"arg": {"conversationId": conversation_id}})


async def statuses(ann: Client, started: dict[str, Any]) -> list[int]:
    paths = (
        f"/api/convos/{started['conversationId']}",
        f"/api/messages/{started['conversationId']}",
        f"/api/agents/chat/stream/{started['streamId']}",
        f"/api/agents/chat/stream/{started['generationId']}",
    )
    return [(await ann.get(path)).status for path in paths]


async def test_a_deleted_conversation_is_gone_with_its_stream(ann: Client) -> None:
    started = await ann.start()
    await ann.read(started["streamId"])
    reply = await delete(ann, started["conversationId"])

    assert (reply.status, reply.body) == (201, {"acknowledged": True, "deletedCount": 1})
    assert await statuses(ann, started) == [404] * 4
    assert (await ann.get("/api/convos")).body["conversations"] == []


async def test_deleting_twice_is_not_found(ann: Client) -> None:
    started = await ann.start()
    await ann.read(started["streamId"])
    await delete(ann, started["conversationId"])

    assert (await delete(ann, started["conversationId"])).status == 404


async def test_what_runs_is_stopped_first_and_its_readers_get_an_ending(
    ann: Client, mock_clock: MockClock
) -> None:
    started = await ann.start(model_parameters=STILL)
    async with ann.follow(started["streamId"]) as stream:
        await stream.until("w0 ")
        reply = await delete(ann, started["conversationId"])
        ending = (await stream.rest())[-1].data

    assert reply.body["deletedCount"] == 1
    assert (ending["final"], ending["aborted"]) == (True, True)
    assert await statuses(ann, started) == [404] * 4
    assert (await ann.get("/api/agents/chat/active")).body == {"activeJobIds": []}


async def test_what_waits_in_it_never_begins(ann: Client, mock_clock: MockClock) -> None:
    first = await ann.start(model_parameters=STILL)
    ids = {"conversationId": first["conversationId"], "on_busy": "enqueue"}
    second = await ann.start("two", **ids)
    await delete(ann, first["conversationId"])

    assert await statuses(ann, first) == [404] * 4
    assert await statuses(ann, second) == [404] * 4
    assert (await ann.get("/api/convos")).body["conversations"] == []


async def test_its_id_may_begin_anew(ann: Client) -> None:
    first = await ann.start("one", clientRequestId="r-1")
    await ann.read(first["streamId"])
    await delete(ann, first["conversationId"])
    second = await ann.start("two", conversationId=first["conversationId"], clientRequestId="r-1")
    await ann.read(second["streamId"])

    assert second["status"] == "started"
    assert [each["text"] for each in await ann.messages(first["conversationId"])] == ["two", ""]


class Busy:
    """The application's records, whose first deletion lets something else happen before or after
    the storage deletes."""

    def __init__(self, records: Any, happens: Callable[[], Awaitable[object]], when: str) -> None:
        self._records = records
        self._happens = happens
        self._when = when

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    async def delete_conversation(self, conversation_id: str) -> bool:
        when, self._when = self._when, "over"
        if when == "before":
            await self._happens()
        deleted: bool = await self._records.delete_conversation(conversation_id)
        if when == "after":
            await self._happens()
        return deleted


@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_starts_during_a_deletion_is_stopped_and_deleted_too(
    ann: Client, when: str, mock_clock: MockClock
) -> None:
    first = await ann.start()
    await ann.read(first["streamId"])
    house = ann.app.runtime
    assert house is not None
    begun: list[dict[str, Any]] = []

    async def start() -> None:
        ids = {"conversationId": first["conversationId"]}
        begun.append(await ann.start("two", model_parameters=STILL, **ids))

    ann.app.runtime = replace(house, records=Busy(house.records, start, when))
    reply = await delete(ann, first["conversationId"])

    assert (reply.status, reply.body["deletedCount"]) == (201, 1)
    assert (await ann.get("/api/agents/chat/active")).body == {"activeJobIds": []}
    assert await statuses(ann, begun[0]) == [404] * 4
    assert (await ann.get("/api/convos")).body["conversations"] == []
