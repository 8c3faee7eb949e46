"""A request and the response, as messages of ASGI: the response's end waits for the request's."""

import math
from typing import Final, cast

import trio
from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPRequestEvent,
)

from legato.http.input.uploads import Upload

UPLOAD_PATIENCE: Final = 5.0
"""Seconds without a byte of a request that was answered early, for example with 413, until the
connection is closed.

If the connection closed sooner, the client's system would throw the answer away, unread.
"""

LONGEST_UPLOAD: Final = 30.0
"""Seconds that such a request may go on in all."""


class ASGIExchange:
    """A request and the response.  The response's end waits for the request's, and is sent last."""

    def __init__(
        self, receive: ASGIReceiveCallable, send: ASGISendCallable, *, is_received: bool = False
    ) -> None:
        """`is_received`: whether the request has come to its end already."""
        self.is_received = is_received
        self._receive = receive
        self._send = send
        self._received = trio.Event()
        self._sending = trio.CancelScope()  # while the client sends on after the response
        self._latest = math.inf  # when that ends, whatever the client sends
        self._end: ASGISendEvent | None = None

    async def receive(self) -> ASGIReceiveEvent:
        message = await self._receive()
        if not message.get("more_body", False):  # the last part, or the client left
            self.is_received = True
            self._received.set()
        self._sending.deadline = min(trio.current_time() + UPLOAD_PATIENCE, self._latest)
        return message

    async def take(self, upload: Upload) -> None:
        """Receive the next piece of the body."""
        message = cast("HTTPRequestEvent", await self.receive())
        upload.append(message["body"])
        if self.is_received:
            upload.set_complete()

    async def drain(self) -> None:
        """Receive the rest of the body, and keep nothing."""
        while not self.is_received:
            await self.receive()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] != "http.response.body" or message["more_body"]:
            await self._send(message)
            return
        if not self.is_received:
            await self._last_of_request()
        self._end = message

    async def _last_of_request(self) -> None:
        self._latest = trio.current_time() + LONGEST_UPLOAD
        self._sending.deadline = trio.current_time() + UPLOAD_PATIENCE
        with self._sending:
            await self._received.wait()

    async def end(self) -> None:
        """Send the response's end, if the response was completed."""
        if self._end is not None:
            await self._send(self._end)
