"""The way to the writer of a WebSocket's events."""

from collections.abc import Mapping
from typing import Any

import trio
from msgspec import json

from legato.http.gate import judged


class Outbox:
    """The way to the connection's writer."""

    def __init__(self, events: trio.MemorySendChannel[str]) -> None:
        self._events = events
        self._steers = 0  # events about steers

    async def send(self, event: str, stream_id: str | None = None) -> None:
        """Send an event, a JSON object, with the name of the lane."""
        if stream_id is not None:
            event = f'{event[:-1]},"stream_id":{json.encode(stream_id).decode()}}}'
        await self._events.send(event)

    async def tell(self, body: Mapping[str, Any], stream_id: str | None) -> None:
        await self.send(json.encode(body).decode(), stream_id)

    async def tell_of_steer(self, body: Mapping[str, Any], stream_id: str | None) -> None:
        """Send an event about a steer: on each connection numbered from 0, by themselves."""
        number = self._steers
        self._steers += 1
        await self.tell({**body, "sequence_number": number}, stream_id)

    async def refuse(self, error: Exception, stream_id: str | None = None) -> None:
        """Send the refusal in the form of HTTP's, and always with a code."""
        response = await judged(error)
        refusal = json.decode(await response.get_data())["error"]
        refusal["code"] = refusal["code"] or refusal["type"]
        event = {"type": "error", "status": response.status_code, "error": refusal}
        await self.tell(event, stream_id)
