"""The ordinary way of a stream: frames through the ASGI server, in any protocol."""

from collections.abc import Iterator
from typing import Final

import trio

from legato.actors.subscription import Subscription
from legato.http.streams.streaming import HEARTBEAT, Reading, StreamBody, StreamCut, Streams

LARGEST_WRITE: Final = 128 * 1024
"""Bytes of frames that are sent as one write: Hypercorn copies the bytes, and holds the copy while
the reader does not read."""

PIECE: Final = 64 * 1024  # bytes of one write, for larger frames


class ServedBody(StreamBody):
    """A body that hands the frames to the ASGI server, piece by piece."""

    def __init__(self, reading: Reading, heartbeat: float, streams: Streams) -> None:
        super().__init__(reading, heartbeat, streams)
        self._subscription = Subscription(reading.job, reading.dialect, reading.start)
        self._pieces: Iterator[bytes] = iter(())

    def _leave(self) -> None:
        self._subscription.leave()

    async def _next(self) -> bytes:
        piece = next(self._pieces, b"")
        if self._ended and not piece:
            raise StopAsyncIteration
        if self._is_cut:
            raise StreamCut
        return piece or await self._wait()

    async def _wait(self) -> bytes:
        """The next frames, or their first piece; a comment after a heartbeat's silence."""
        with trio.move_on_after(self._heartbeat) as self._silence:
            chunk = await self._subscription.receive()
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
