"""A WebSocket with a limited pace of frames, and without compression."""

from dataclasses import dataclass, replace
from typing import Any, Final, cast

from hypercorn.protocol.events import Body, Data, EndData, Event, Request, StreamClosed
from hypercorn.protocol.ws_stream import ASGIWebsocketState, FrameTooLargeError, WSStream
from hypercorn.typing import AppWrapper, WebsocketScope
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Message, Ping
from wsproto.events import Event as Frame
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError

from legato.http.server.transport.frames import FrameWriter
from legato.http.server.transport.pace import Pace
from legato.http.streams.frames import FRAMES

MAX_FRAMES: Final = 1024
"""Frames of one message: the largest message in frames of 3 KiB.  Clients send 16 or 1."""

FRAMES_A_SECOND: Final = 500.0  # further frames are read later, not refused: a frame costs 40 µs
FRAMES_AT_ONCE: Final = 1024

EXTENSIONS: Final = b"sec-websocket-extensions"


@dataclass(frozen=True)
class ControlAnswer(Data):
    """The answer to a control frame; the reading task sends the answer and must not wait."""


class WebSocketStream(WSStream):
    """Refuses compression: 64 KiB can become 64 MiB before any bound is checked.

    With a `writer` the stream is a RawSocket for the application.
    """

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.writer: FrameWriter | None = None
        self._pace = Pace(FRAMES_A_SECOND, FRAMES_AT_ONCE)
        self._frames = 0  # of the message that is coming
        self._application = self.app
        self.app = cast("AppWrapper", self._converse)

    @property
    def waiting(self) -> int:
        """See RawSocket."""
        return self.writer.waiting if self.writer is not None and self._is_open else 0

    def write(self, frames: bytes) -> bool:
        """See RawSocket."""
        return self.writer is None or not self._is_open or self.writer.write(frames)

    async def send_frames(self, frames: bytes) -> None:
        """See RawSocket."""
        if self._is_open:
            await self.send(Data(stream_id=self.stream_id, data=frames))

    @property
    def _is_open(self) -> bool:
        return not self.closed and self.connection.state is ConnectionState.OPEN

    async def _converse(self, scope: WebsocketScope, *asgi: Any) -> None:
        if self.writer is not None:
            cast("dict[str, object]", scope["extensions"])[FRAMES] = self
        await self._application(scope, *asgi)

    async def handle(self, event: Event) -> None:
        if isinstance(event, Request):
            await self._begin(event)
        elif isinstance(event, Body | Data) and not self.handshake.accepted:
            if self.state is ASGIWebsocketState.HANDSHAKE:  # else it was refused already
                await self._leave()
        else:
            await super().handle(event)

    async def _begin(self, request: Request) -> None:
        headers = [field for field in request.headers if field[0].lower() != EXTENSIONS]
        await super().handle(replace(request, headers=headers))
        if self.closed:  # not a handshake, so no application knows of the socket
            await self._leave()

    async def _handle_events(self) -> None:
        for frame in self.connection.events():
            if not isinstance(frame, Message) or frame.frame_finished:
                await self._pace.wait()
            if self.closed:
                return
            await self._take(frame)

    async def _take(self, frame: Frame) -> None:
        if isinstance(frame, Message):
            await self._take_part(frame)
        elif isinstance(frame, Ping):
            await self._answer(frame.response())
        elif isinstance(frame, CloseConnection):
            is_asked = self.connection.state is ConnectionState.REMOTE_CLOSING
            await self._end(frame.response() if is_asked else CloseConnection(code=frame.code))

    async def _take_part(self, part: Message[Any]) -> None:
        self._frames += part.frame_finished
        try:
            self.buffer.extend(part)
        except FrameTooLargeError:
            await self._end(CloseConnection(code=CloseReason.MESSAGE_TOO_BIG))
            return
        if self._frames > MAX_FRAMES:
            reason = f"more than {MAX_FRAMES} frames of one message"
            await self._end(CloseConnection(code=CloseReason.POLICY_VIOLATION, reason=reason))
        elif part.message_finished:
            assert self.app_put is not None
            await self.app_put(self.buffer.to_message())
            self.buffer.clear()
            self._frames = 0

    async def _end(self, last: CloseConnection) -> None:
        """End the WebSocket, and the connection with it; over HTTP/2 only the stream."""
        await self._answer(last)
        await self.send(EndData(stream_id=self.stream_id))
        await self._leave()

    async def _leave(self) -> None:
        await self.send(StreamClosed(stream_id=self.stream_id))

    async def _answer(self, frame: Frame) -> None:
        try:
            data = self.connection.send(frame)
        except LocalProtocolError:  # our close frame is sent already
            return
        await self.send(ControlAnswer(stream_id=self.stream_id, data=data))
