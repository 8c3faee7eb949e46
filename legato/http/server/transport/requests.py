"""A request: small pieces of a body come at a limited pace, and a client's leaving ends all."""

from typing import Any, Final, cast

import trio
from hypercorn.protocol.events import Body, EndBody, Event, StreamClosed
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from hypercorn.typing import AppWrapper, HTTPScope

from legato.http.server.transport.pace import Pace

SMALL: Final = 256  # bytes; a smaller piece costs the server more than the network
SMALL_A_SECOND: Final = 500.0
SMALL_AT_ONCE: Final = 1024  # pieces: a body of 256 KiB in pieces of SMALL has as many

MOST_UNREAD: Final = 8  # pieces, for which Hypercorn's queue has room, before the answer begins

REQUEST: Final = "legato.request"
"""The extension of an ASGI scope with the RequestStream, which ends the application's task."""


class RequestStream(HTTPStream):
    """A request and its answer.  The stream owns the scope in which the application answers.

    Other servers send a message when the client has left, for which the application has to wait in
    a second task.
    """

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.is_whole = False  # whether the request had no body, and ended with its head
        self._pieces = 0  # of the body until now
        self._waits_for_end = False  # whether the request goes on after the answer has begun
        self._is_read = trio.Event()  # set once all bytes of the head's read are parsed
        self._pace = Pace(SMALL_A_SECOND, SMALL_AT_ONCE)
        self._answering = trio.CancelScope()
        self._application = self.app
        self.app = cast("AppWrapper", self._answer)

    async def _answer(self, scope: HTTPScope, *asgi: Any) -> None:
        self._waits_for_end = not self.is_whole
        cast("dict[str, object]", scope["extensions"])[REQUEST] = self
        with self._answering:
            # A malformed body coming with the head is refused before anybody answers.
            if self._waits_for_end and scope["http_version"] != "2":
                await self._is_read.wait()
            await self._application(scope, *asgi)

    async def handle(self, event: Event) -> None:
        match event:
            case Body():
                await self._count(event)
            case EndBody():
                self.end_read()
                if not self._pieces and not self._waits_for_end:
                    self.is_whole = True
                    return
            case StreamClosed():
                self._close()
                return
        await super().handle(event)

    async def _count(self, piece: Body) -> None:
        self._pieces += 1
        if self._pieces == MOST_UNREAD:
            self.end_read()
        if len(piece.data) < SMALL:
            await self._pace.wait()

    def end_read(self) -> None:
        """Let the application begin: all bytes of the head's read are parsed."""
        self._is_read.set()

    def _close(self) -> None:
        """End the answer, unless the answer is complete, and the task about to end."""
        self.closed = True
        if self.state is not ASGIHTTPState.CLOSED:
            self._answering.cancel()
