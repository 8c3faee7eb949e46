"""A response's events over a WebSocket, the direct way and through the ASGI server."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from msgspec import json
from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage

from legato.actors.subscription import Subscription
from tests.http.server.transport.test_websockets import Talk, opened
from tests.support.http.live_server import LiveServer, live_server, until
from tests.support.http.runtime import AttentiveModel, supervisor_of
from tests.support.openai.asked import TOOL, scripted
from tests.support.openai.sockets import talking

SOON = 20.0
ID = re.compile(rb"[0-9A-HJKMNP-TV-Z]{26}|\"(?:created|completed)_at\":\d+")
MANY = {"type": "response.create", "model": "many", "input": "Hi", "store": False}


def models() -> list[AttentiveModel]:
    return [*scripted(), AttentiveModel("many", parameters={"tokens": 10_000, "rate": 0})]


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    async with live_server(models=models()) as server:
        yield server


async def answers(server: LiveServer) -> list[bytes]:
    """Every message of a connection that names lanes, is refused, and goes on, without its ids."""
    async with talking(server) as ann:
        said: list[Any] = []
        for fields in ({}, {"stream_id": "a"}, {"stream_id": 'b"'}):
            await ann.ask("rich", tools=[TOOL], **fields)
            said += await ann.until("response.completed")
        await ann.ask("none")
        said += await ann.until("error")
        await ann.ask("failing")
        said += await ann.until("response.failed")
    return [ID.sub(b"", json.encode(each)) for each in said]


async def test_both_ways_send_the_same_messages(server: LiveServer) -> None:
    async with live_server(models=models(), direct=False) as other:
        assert await answers(server) == await answers(other)


async def test_a_response_goes_the_direct_way_where_there_is_one(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def receive(subscription: Subscription) -> None:
        raise AssertionError("the ordinary way was taken")

    monkeypatch.setattr(Subscription, "receive", receive)
    async with talking(server) as ann:
        assert (await ann.turn())["status"] == "completed"


async def test_a_client_that_reads_late_gets_each_event_once_and_its_pong_whole(
    server: LiveServer,
) -> None:
    async with await server.connect(receive_buffer=4096) as raw:
        await opened(server, raw)
        talk = Talk(raw)
        await talk.say(TextMessage(json.encode(MANY).decode()))
        await until(lambda: is_behind(server))
        await talk.say(Ping(b"there?"))
        raw.widen()
        heard = await to_the_end(talk)

    numbers = [event["sequence_number"] for event in heard if isinstance(event, dict)]
    assert numbers == [*range(len(numbers))]
    assert len(numbers) > 10_000
    assert [event for event in heard if isinstance(event, Pong)] == [Pong(b"there?")]


def is_behind(server: LiveServer) -> bool:
    """Whether the job has come to its end, and dropped its lagging reader."""
    jobs = [*supervisor_of(server.runtime).registry]
    return bool(jobs) and jobs[0].feed.lagged > 0 and jobs[0].feed.ending is not None


async def to_the_end(talk: Talk) -> list[dict[str, Any] | Event]:
    """Events of the API, and of the WebSocket."""
    heard: list[dict[str, Any] | Event] = []
    text = ""
    with trio.fail_after(SOON):
        while '"response.completed"' not in text[:100]:
            for event in await talk.heard():
                if not isinstance(event, TextMessage):
                    heard.append(event)
                    continue
                text = text + event.data
                if event.message_finished:
                    heard.append(json.decode(text))
                    text = "" if '"response.completed"' not in text[:100] else text
    return heard


async def test_a_client_that_leaves_far_behind_gets_a_whole_close_frame(server: LiveServer) -> None:
    async with await server.connect(receive_buffer=4096) as raw:
        await opened(server, raw)
        talk = Talk(raw)
        await talk.say(TextMessage(json.encode(MANY).decode()))
        await until(lambda: is_behind(server))
        await talk.say(CloseConnection(code=1000))
        raw.widen()
        assert (await talk.ending()).code == 1000
        assert await raw.stream.receive_some() == b""


async def test_a_client_that_takes_nothing_for_too_long_loses_its_connection() -> None:
    async with (
        live_server(models=models(), stall_timeout=0.05) as server,
        await server.connect(receive_buffer=4096) as raw,
    ):
        await opened(server, raw)
        await Talk(raw).say(TextMessage(json.encode(MANY).decode()))
        await until(lambda: server.app.connection_limit.open == 0)
