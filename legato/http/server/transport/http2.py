"""HTTP/2 by prior knowledge, for proxies: a stream ends alone, and is bounded."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import h2.events
import trio
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import (
    Body,
    Data,
    EndBody,
    EndData,
    Request,
    StreamClosed,
)
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h2 import BufferCompleteError, H2Protocol, StreamBuffer
from hypercorn.utils import filter_pseudo_headers
from priority.priority import MissingStreamError

from legato.http.server.transport.pace import Pace
from legato.http.server.transport.requests import RequestStream
from legato.http.server.transport.websockets import ControlAnswer, WebSocketStream

STEP: Final = 1024
"""Bytes that are parsed before other tasks have a turn: a hundred of the smallest frames."""

PIECE: Final = 16 * 1024  # bytes of a body that go into a stream's buffer in one step

FULL: Final = 32 * 1024  # bytes in a stream's buffer, beyond which the sender has to wait

MAX_WAITING: Final = 64 * 1024  # bytes in a stream's buffer, beyond which pings go unanswered

REQUESTS_A_SECOND: Final = 200.0  # of one connection: more than a process answers in a second
REQUESTS_AT_ONCE: Final = 8  # each beginning takes milliseconds of the loop

RESETS_A_SECOND: Final = 50.0  # of people who leave; a proxy sends all on one connection
RESETS_AT_ONCE: Final = 200  # twice the allowed streams: the network behind a proxy may fail


class Buffer(StreamBuffer):
    """The bytes to be sent on one stream: FULL and one PIECE at most.

    Hypercorn's buffer lets more in at each look of the sending task, even with a closed window.
    """

    @property
    def is_ended(self) -> bool:
        """Whether the last byte was pushed."""
        return self._complete

    async def push(self, data: bytes) -> None:
        if self._complete:
            raise BufferCompleteError
        self.buffer.extend(data)
        await self._is_empty.clear()
        while len(self.buffer) >= FULL and not self._complete:
            await self._paused.clear()
            await self._paused.wait()

    async def pop(self, max_length: int) -> bytes:
        data = bytes(self.buffer[:max_length])
        del self.buffer[:max_length]
        if len(self.buffer) < FULL:
            await self._paused.set()
        if not self.buffer:
            await self._is_empty.set()
        return data


class Http2(H2Protocol):
    def __init__(self, *parts: Any, patience: float) -> None:
        """`parts` as in Hypercorn; `patience`: seconds for a client to take PIECE of a stream."""
        super().__init__(*parts)
        self._patience = patience
        self._requests = Pace(REQUESTS_A_SECOND, REQUESTS_AT_ONCE)
        self._resets = Pace(RESETS_A_SECOND, RESETS_AT_ONCE)

    async def handle(self, event: Event) -> None:
        if not isinstance(event, RawData):
            await super().handle(event)
            return
        for start in range(0, len(event.data), STEP):
            if self.closed:
                return
            await super().handle(RawData(event.data[start : start + STEP]))
            await trio.lowlevel.checkpoint()

    async def _handle_events(self, events: list[h2.events.Event]) -> None:
        for event in events:
            match event:
                case h2.events.RequestReceived():
                    await self._receive_request(event)
                case h2.events.DataReceived():
                    await self._receive_data(event)
                case h2.events.StreamEnded():
                    await self._receive_end(event.stream_id)
                case h2.events.StreamReset():
                    await self._receive_reset(event)
                case h2.events.PriorityUpdated():
                    pass  # RFC 9113 has dropped priorities; to keep a tree of streams is of no use
                case _:
                    await super()._handle_events([event])
        await self._flush()

    async def _receive_request(self, event: h2.events.RequestReceived) -> None:
        await self._requests.wait()
        if self.context.terminated.is_set() or is_servable(dict(event.headers)):
            await super()._handle_events([event])
        else:
            await self._reset(event.stream_id, ErrorCodes.PROTOCOL_ERROR)

    async def _receive_data(self, event: h2.events.DataReceived) -> None:
        """Hand data to the stream; drop late data for a stream that was answered or refused."""
        if (stream := self.streams.get(event.stream_id)) is not None:
            await stream.handle(Body(stream_id=event.stream_id, data=event.data))
        with suppress(ProtocolError):
            length = event.flow_controlled_length
            self.connection.acknowledge_received_data(length, event.stream_id)

    async def _receive_end(self, stream_id: int) -> None:
        stream = self.streams.get(stream_id)
        if isinstance(stream, RequestStream):
            await stream.handle(EndBody(stream_id=stream_id))
        elif stream is not None:  # a WebSocket whose client left without a close frame
            await self.stream_send(StreamClosed(stream_id=stream_id))

    async def _receive_reset(self, event: h2.events.StreamReset) -> None:
        await super()._handle_events([event])
        await self.send(Updated(idle=self.idle))
        await self._count_reset()

    async def _count_reset(self) -> None:
        """Close on a client that resets too often; a reset costs us a hundred times as much."""
        if self._resets.take() and not self.closed:
            self.connection.close_connection(error_code=ErrorCodes.ENHANCE_YOUR_CALM)
            await self._flush()
            await self.send(Closed())

    async def _create_stream(self, request: h2.events.RequestReceived) -> None:
        stream_id, head = request.stream_id, dict(request.headers)
        method = head[b":method"].decode("ascii").upper()
        kind: Callable[..., RequestStream | WebSocketStream] = RequestStream
        if method == "CONNECT":
            kind = WebSocketStream
        stream = kind(*self._stream_parts(), self.stream_send, stream_id)
        self.streams[stream_id] = stream
        self.stream_buffers[stream_id] = Buffer(self.context.event_class)
        self.priority.insert_stream(stream_id)
        self.priority.block(stream_id)
        await stream.handle(
            Request(
                stream_id=stream_id,
                headers=filter_pseudo_headers(request.headers),
                http_version="2",
                method=method,
                raw_path=head[b":path"],
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1
        await self.context.mark_request()

    def _stream_parts(self) -> Sequence[Any]:
        place = self.ssl, self.client, self.server
        return self.app, self.config, self.context, self.task_group, *place

    async def stream_send(self, event: StreamEvent) -> None:
        match event:
            case ControlAnswer():
                await self._answer(event)
            case EndData():
                await self._end(event.stream_id)
            case Body() | Data() | EndBody():
                await self._send_to_taker(event)
            case StreamClosed():
                await self._abort_unfinished(event.stream_id)
                await super().stream_send(event)
            case _:
                await super().stream_send(event)

    async def _answer(self, answer: ControlAnswer) -> None:
        """Queue the answer without waiting: the caller is the reading task.

        If the reading task waited for the client's window, nobody would read the window's update.
        """
        buffer = self.stream_buffers.get(answer.stream_id)
        if buffer is not None and not buffer.complete and len(buffer.buffer) < MAX_WAITING:
            buffer.buffer.extend(answer.data)
            await self._have_sent(answer.stream_id)

    async def _end(self, stream_id: int) -> None:
        if (buffer := self.stream_buffers.get(stream_id)) is not None:
            buffer.set_complete()
            await self._have_sent(stream_id)

    async def _have_sent(self, stream_id: int) -> None:
        with suppress(MissingStreamError):
            self.priority.unblock(stream_id)
        await self.has_data.set()

    async def _send_to_taker(self, event: Body | Data | EndBody) -> None:
        """Send; a stream whose client takes nothing for `patience` seconds is reset and freed."""
        for piece in pieces_of(event):
            with trio.move_on_after(self._patience) as waiting:
                await super().stream_send(piece)
            if waiting.cancelled_caught:
                await self._reset(event.stream_id, ErrorCodes.CANCEL)
                await super().stream_send(StreamClosed(stream_id=event.stream_id))
                return

    async def _abort_unfinished(self, stream_id: int) -> None:
        """Reset the stream of a cut body, which must not pass for a complete body."""
        buffer = self.stream_buffers.get(stream_id)
        if isinstance(buffer, Buffer) and not buffer.is_ended:
            await self._reset(stream_id, ErrorCodes.INTERNAL_ERROR)

    async def _reset(self, stream_id: int, code: ErrorCodes) -> None:
        with suppress(ProtocolError):
            self.connection.reset_stream(stream_id, error_code=code)
        if (buffer := self.stream_buffers.get(stream_id)) is not None:
            await buffer.close()
            await self._have_sent(stream_id)  # nothing is sent: the sending task drops the stream
        await self._flush()


def pieces_of(event: Body | Data | EndBody) -> Iterator[StreamEvent]:
    if isinstance(event, EndBody) or len(event.data) <= PIECE:
        yield event
        return
    for start in range(0, len(event.data), PIECE):
        yield replace(event, data=event.data[start : start + PIECE])


def is_servable(head: dict[bytes, bytes]) -> bool:
    """Whether Hypercorn can serve the head; otherwise the stream alone is reset."""
    method, path = head.get(b":method", b""), head.get(b":path", b"")
    is_tunnel = method == b"CONNECT" and head.get(b":protocol") != b"websocket"
    return method.isascii() and path.isascii() and path.startswith((b"/", b"*")) and not is_tunnel
