"""Hypercorn's HTTP/1.1, without ambiguous requests and with a bounded lookahead."""

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, TypeVar

import h11
import trio
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.events import Request
from hypercorn.protocol.h11 import (
    STREAM_ID,
    H2ProtocolAssumedError,
    H11Protocol,
    H11WSConnection,
)
from hypercorn.trio.worker_context import EventWrapper
from hypercorn.typing import H11SendableEvent
from msgspec import json

from legato.http.server.transport.frames import FrameWriter
from legato.http.server.transport.pace import Pace
from legato.http.server.transport.requests import RequestStream
from legato.http.server.transport.strict import PREFACE, StrictConnection, is_websocket
from legato.http.server.transport.websockets import WebSocketStream

MAX_AHEAD: Final = 64 * 1024  # bytes that a client may send ahead during an answer
AHEAD_A_SECOND: Final = 50.0  # requests sent ahead; further requests are read later
AHEAD_AT_ONCE: Final = 20  # browsers send no request ahead, old clients a handful

MALFORMED: Final = "it is not HTTP/1.1 as RFC 9112 defines it"
PROBLEMS: Final = {431: "its head is too large", 501: "its Transfer-Encoding is not chunked"}

PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}

BODILESS: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)

_PREFACE_HEAD: Final = b"PRI * HTTP/2.0\r\n\r\n"

Read = Callable[[int], Awaitable[bytes | bytearray]]
"""Reads at most so many bytes from the client; returns no byte once the client has left."""


class RequestTurn(EventWrapper):
    """The turn of the next request.

    Hypercorn's reading task waits for the turn where bytes of a next request came during an
    answer.  Blind to the client's leaving otherwise, the task reads ahead until the turn comes.
    Requests sent ahead have their turns at a limited pace; requests that come in turn, each behind
    the answer to the last, have not.
    """

    def __init__(self, read_ahead: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.is_ahead = False  # whether the request was sent before the answer to the last was
        self._read_ahead = read_ahead
        self._reading = trio.CancelScope()
        self._pace = Pace(AHEAD_A_SECOND, AHEAD_AT_ONCE)

    async def wait(self) -> None:
        self.is_ahead = False
        with trio.CancelScope() as self._reading:
            await self._read_ahead()
            await super().wait()  # where the client has left meanwhile
        if self.is_ahead:
            await self._pace.wait()

    async def set(self) -> None:
        await super().set()
        self._reading.cancel()


class Http1(H11Protocol):
    def __init__(
        self, *parts: Any, read: Read, http2: bool, writer: FrameWriter | None = None
    ) -> None:
        """`parts` as in Hypercorn; `read` reads from the client.

        With `http2`, HTTP/2's preface raises H2ProtocolAssumedError.  With `writer`, a WebSocket's
        application may write frames to the writer.
        """
        super().__init__(*parts)
        self.can_read = self._turn = RequestTurn(self._read_ahead)
        self._head = b""  # of an answer, written together with the body's first bytes
        self._left: float = math.inf  # bytes of the answer that are still to be sent
        self._read = read
        self._writer = writer
        self._strict = StrictConnection(self.config.h11_max_incomplete_size, http2=http2)
        self.connection = self._strict

    async def handle(self, event: Event) -> None:
        await super().handle(event)
        if isinstance(self.stream, RequestStream):
            self.stream.end_read()

    async def _read_ahead(self) -> None:
        """During an answer, keep the bytes behind the request, and notice when the client leaves.

        A client with more than MAX_AHEAD behind an unfinished answer is closed, because behind so
        many bytes nobody would see the client leave.  Once the answer is sent, the bytes are the
        client's next request, and wait for their turn.
        """
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            ahead = len(self._strict.trailing_data[0])
            self._turn.is_ahead = ahead > 0 and self._left > 0
            while ahead <= MAX_AHEAD and (data := await self._read(MAX_AHEAD)):
                self._strict.receive_data(bytes(data))
                ahead += len(data)
                self._turn.is_ahead |= self._left > 0
            if ahead > MAX_AHEAD and self._left <= 0:
                await trio.sleep_forever()  # cancelled when the answer ends
        await self.send(Closed())

    async def _check_protocol(self, event: h11.Request) -> None:
        """Ignore `Upgrade: h2c`, as RFC 9110 allows.

        A proxy that passed the header on would see nothing of the requests behind an upgrade.
        """
        if (event.method, event.target, event.http_version) == PREFACE:
            raise H2ProtocolAssumedError(_PREFACE_HEAD + self.connection.trailing_data[0])

    async def _create_stream(self, request: h11.Request) -> None:
        self._left = math.inf
        parts = *self._stream_parts(), self.stream_send, STREAM_ID
        if is_websocket(request):
            self.connection = H11WSConnection(self._strict)
            self.stream = WebSocketStream(*parts)
            self.stream.writer = self._writer
        else:
            self.stream = RequestStream(*parts)
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=list(request.headers),
                http_version=request.http_version.decode(),
                method=request.method.decode("ascii").upper(),
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1
        await self.context.mark_request()

    def _stream_parts(self) -> Sequence[Any]:
        place = self.ssl, self.client, self.server
        return self.app, self.config, self.context, self.task_group, *place

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        if self._strict.problem is not None:
            return  # behind a refusal nobody listens to the application
        self._left = self._left_after(event)
        try:
            data = self._head + (self.connection.send(with_phrase(event)) or b"")
        except h11.LocalProtocolError:
            if self.connection.their_state is not h11.ERROR:
                raise
            return
        # A body of known length follows at once: head and body are a single write.
        is_followed = isinstance(event, h11.Response) and 0 < self._left < math.inf
        self._head = data if is_followed else b""
        if data and not is_followed:
            await self.send(RawData(data))

    def _left_after(self, event: H11SendableEvent) -> float:
        match event:
            case h11.Response() if self._strict.is_head or event.status_code in BODILESS:
                return 0
            case h11.Response():
                return length_of(event)
            case h11.Data():
                return self._left - len(event.data)
            case h11.EndOfMessage():
                return 0
        return self._left

    async def _send_error_response(self, status_code: int) -> None:
        """Send the reason of a refusal, as the connection's last response."""
        problem = self._strict.problem or PROBLEMS.get(status_code, MALFORMED)
        message = f"The request was refused: {problem}."
        body = json.encode({"error": HTTPStatus(status_code).phrase, "message": message})
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *self.config.response_headers("h11"),
        ]
        response = h11.Response(status_code=status_code, headers=headers)
        events: list[h11.Event] = [with_phrase(response)]
        if not self._strict.is_head:
            events.append(h11.Data(data=body))
        said = [self._strict.send(event) or b"" for event in (*events, h11.EndOfMessage())]
        await self.send(RawData(b"".join(said)))


T = TypeVar("T", bound=H11SendableEvent)


def with_phrase(event: T) -> T:
    """The response with a reason phrase: without a phrase some clients read no status."""
    if not isinstance(event, h11.Response | h11.InformationalResponse):
        return event
    phrase = PHRASES.get(event.status_code, "")
    # h11 does not validate these headers a second time.
    return type(event)(status_code=event.status_code, headers=event.headers, reason=phrase.encode())


def length_of(response: h11.Response) -> float:
    """Bytes of the body by Content-Length; infinite without a Content-Length."""
    given = (value for name, value in response.headers if name == b"content-length")
    return float(next(given, math.inf))
