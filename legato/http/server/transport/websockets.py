"""A WebSocket whose client can send no more than it pays for."""

from dataclasses import dataclass, replace
from typing import Any, Final

from hypercorn.protocol.events import Body, Data, EndData, Event, Request, StreamClosed
from hypercorn.protocol.ws_stream import ASGIWebsocketState, FrameTooLargeError, WSStream
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Message, Ping
from wsproto.events import Event as Frame
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError

from legato.http.server.transport.pace import Pace

MAX_FRAMES: Final = 1024
"""Of one message: the largest that is allowed, in frames of three KiB; clients send 16 or one."""

FRAMES_A_SECOND: Final = 500.0  # more are read later, not refused: each costs us 40 µs
FRAMES_AT_ONCE: Final = 1024

EXTENSIONS: Final = b"sec-websocket-extensions"


@dataclass(frozen=True)
class Answer(Data):
    """To a client's control frame, by the task that reads: it must not wait for that client."""


class WebSocketStream(WSStream):
    """Refuses compression: 64 KiB of it can become 64 MiB before anybody could bound it."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._pace = Pace(FRAMES_A_SECOND, FRAMES_AT_ONCE)
        self._frames = 0  # of the message that is coming

    async def handle(self, event: Event) -> None:
        if isinstance(event, Request):
            await self._begin(event)
        elif isinstance(event, Body | Data) and not self.handshake.accepted:
            if self.state is ASGIWebsocketState.HANDSHAKE:  # else it was refused: too late to say
                await self._leave()
        else:
            await super().handle(event)

    async def _begin(self, request: Request) -> None:
        headers = [field for field in request.headers if field[0].lower() != EXTENSIONS]
        await super().handle(replace(request, headers=headers))
        if self.closed:  # it was no handshake, and no application knows of it
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
        """End it, and what carried it: over HTTP/2 that is its stream alone."""
        await self._answer(last)
        await self.send(EndData(stream_id=self.stream_id))
        await self._leave()

    async def _leave(self) -> None:
        await self.send(StreamClosed(stream_id=self.stream_id))

    async def _answer(self, frame: Frame) -> None:
        try:
            data = self.connection.send(frame)
        except LocalProtocolError:  # we have said our last word
            return
        await self.send(Answer(stream_id=self.stream_id, data=data))
