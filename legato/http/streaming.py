"""A generation as the body of a response: frames as they come, comments in silence."""

from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

import trio
from quart import Response
from quart.wrappers.response import ResponseBody

from legato.actors.follower import Follower
from legato.actors.mailbox import ActorStopped

HEARTBEAT = b": hb\n\n"

LARGEST_WRITE: Final = 128 * 1024
"""Bytes of frames that are sent as one: Hypercorn copies them, and holds them for as long as the
reader does not read."""

PIECE: Final = 64 * 1024  # bytes that are sent at a time of frames that are larger

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Content-Encoding": "identity",
    "Cache-Control": "no-cache, no-transform",
    "Connection": "keep-alive",
    "X-Accel-Buffering": "no",
}


class StreamCut(Exception):
    """The body cannot go on to its ending.

    A clean end would tell the client that it had everything; so the connection is dropped in
    the middle of the body instead, and the client comes back with its cursor.
    """


class Streams:
    """The bodies that are being sent now."""

    def __init__(self) -> None:
        self.bodies: set[StreamBody] = set()
        self._is_cut = False

    def add(self, body: "StreamBody") -> None:
        self.bodies.add(body)
        if self._is_cut:
            body.cut()

    def discard(self, body: "StreamBody") -> None:
        self.bodies.discard(body)

    def cut(self) -> None:
        """Have none of them go on, nor any that is still to come: the server is about to go."""
        self._is_cut = True
        for body in self.bodies:
            body.cut()


class StreamBody(ResponseBody):
    """Ends cleanly after the terminal frame, and never otherwise."""

    def __init__(self, follower: Follower, heartbeat: float, streams: Streams) -> None:
        self._follower = follower
        self._heartbeat = heartbeat
        self._streams = streams
        self._ended = False
        self._is_cut = False
        self._pieces: Iterator[bytes] = iter(())
        self._silence = trio.CancelScope()

    def cut(self) -> None:
        """End it where it is: now if it waits, else once the frames in its hands are sent."""
        self._is_cut = True
        self._silence.cancel()

    async def __aenter__(self) -> Self:
        self._streams.add(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._streams.discard(self)
        self._follower.leave()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = next(self._pieces, b"")
        if self._ended and not piece:
            raise StopAsyncIteration
        if self._is_cut:
            raise StreamCut
        return piece or await self._wait()

    async def _wait(self) -> bytes:
        """The next frames, or their first piece; a comment where there are none for so long."""
        with trio.move_on_after(self._heartbeat) as self._silence:
            try:
                chunk = await self._follower.receive()
            except ActorStopped:
                raise StreamCut from None
            self._ended = chunk.last
            self._pieces = pieces_of(chunk.data)
            return next(self._pieces)
        if self._is_cut:
            raise StreamCut
        return HEARTBEAT


def pieces_of(frames: bytes) -> Iterator[bytes]:
    if len(frames) <= LARGEST_WRITE:
        yield frames
        return
    for start in range(0, len(frames), PIECE):
        yield frames[start : start + PIECE]


def stream_response(follower: Follower, heartbeat: float, streams: Streams) -> Response:
    """`heartbeat`: seconds of silence after which a comment is sent."""
    response = Response(b"", headers=HEADERS)
    response.response = StreamBody(follower, heartbeat, streams)
    del response.headers["Content-Length"]
    response.timeout = None  # Quart would end the body after 60 seconds
    return response
