"""A client of the Responses API's WebSocket: `trio-websocket`, on a real connection."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import openresponses_types
import trio
import trio_websocket
from msgspec import json

from tests.support.http.raw_client import Server
from tests.support.openai.asked import PATH, Event, asked
from tests.support.responses import EVENTS

_UNSPECIFIED: Final = re.compile(r'"type":"(response\.steer\.|response\.mcp_|mcp_)')
TERMINAL: Final = ("response.completed", "response.incomplete", "response.failed")


class Talker:
    """Every message that it gets is one of the specification's, which has no steers and no MCP."""

    def __init__(self, socket: trio_websocket.WebSocketConnection) -> None:
        self.socket = socket

    async def ask(self, model: str = "fast", **fields: Any) -> None:
        await self.say(json.encode({"type": "response.create"} | asked(model, **fields)).decode())

    async def say(self, message: str | bytes) -> None:
        await self.socket.send_message(message)

    async def event(self) -> Event:
        event: Event = json.decode(await self.socket.get_message())
        if event["type"] == "error":
            openresponses_types.WebSocketErrorEvent.model_validate(event)
        elif not _UNSPECIFIED.search(json.encode(event).decode()):
            EVENTS[event["type"]].model_validate(event)
        return event

    async def until(self, text: str) -> list[Event]:
        """Up to the first event with that text in it."""
        events = [await self.event()]
        while text not in json.encode(events[-1]).decode():
            events.append(await self.event())
        return events

    async def steer(self, response_id: str, given: Any) -> None:
        body = {"type": "response.steer", "previous_response_id": response_id, "input": given}
        await self.say(json.encode(body).decode())

    async def answer(self) -> list[Event]:
        """All events of one response."""
        events = [await self.event()]
        while events[-1]["type"] not in TERMINAL:
            assert events[-1]["type"] != "error", events
            events.append(await self.event())
        assert [event["sequence_number"] for event in events] == [*range(len(events))]
        return events

    async def turn(self, model: str = "fast", **fields: Any) -> Event:
        """Ask, and read to the end: the response."""
        await self.ask(model, **fields)
        response: Event = (await self.answer())[-1]["response"]
        return response

    async def refusal(self) -> tuple[int, str | None, str]:
        event = await self.event()
        assert event["type"] == "error", event
        return event["status"], event["error"]["param"], event["error"]["code"]


@asynccontextmanager
async def talking(
    server: Server, path: str = PATH, authorization: str | None = None
) -> AsyncIterator[Talker]:
    """Leaving closes the connection in good order, if it is still there."""
    headers = [(b"Authorization", (authorization or f"Bearer {server.token}").encode())]
    host = f"127.0.0.1:{server.port}"
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream, trio.open_nursery() as nursery:
        socket = await trio_websocket.wrap_client_stream(
            nursery, stream, host, path, extra_headers=headers
        )
        async with socket:
            yield Talker(socket)
