"""A request whose body may come in small pieces, at a limited pace."""

from typing import Any, Final

from hypercorn.protocol.events import Body, Event
from hypercorn.protocol.http_stream import HTTPStream

from legato.http.server.transport.pace import Pace

SMALL: Final = 256  # bytes; a smaller piece costs the server more than the network
SMALL_A_SECOND: Final = 500.0
SMALL_AT_ONCE: Final = 1024  # pieces: a body of 256 KiB in pieces of SMALL has as many


class RequestStream(HTTPStream):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._pace = Pace(SMALL_A_SECOND, SMALL_AT_ONCE)

    async def handle(self, event: Event) -> None:
        if isinstance(event, Body) and len(event.data) < SMALL:
            await self._pace.wait()
        await super().handle(event)
