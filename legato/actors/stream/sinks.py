"""Where a job's frames go: anything that takes bytes without waiting, or refuses."""

import math
from contextlib import suppress
from typing import Protocol

import trio
from msgspec import Struct

BACKLOG_BYTES = 32 * 1024  # what may wait for a reader before it counts as lagging


class Chunk(Struct, frozen=True):
    """Whole frames, up to and with position `seq`; `last` if the ending is among them.

    `epoch`: the job's, when it was at `seq`.
    """

    data: bytes
    seq: int
    epoch: int
    last: bool = False


class Sink(Protocol):
    @property
    def is_left(self) -> bool:
        """Whether its reader is gone: a push would be refused."""
        ...

    def push(self, chunk: Chunk) -> bool:
        """Take it now, or refuse it for good: a refusal says that this reader lags or left."""
        ...

    def close(self) -> None:
        """No more comes.  Where the reader has not had the ending by then, it asks again."""
        ...


class ChannelSink:
    """A bounded channel.  What waits in it is bytes that all readers share."""

    def __init__(self) -> None:
        # Its length is bounded by the bytes in it, not by their number.
        self._send, self._receive = trio.open_memory_channel[Chunk](math.inf)
        self._waiting = 0

    @property
    def is_left(self) -> bool:
        return self._send.statistics().open_receive_channels == 0

    def push(self, chunk: Chunk) -> bool:
        if self._waiting > BACKLOG_BYTES:
            return False
        with suppress(trio.BrokenResourceError):
            self._send.send_nowait(chunk)
            self._waiting += len(chunk.data)
            return True
        return False

    def close(self) -> None:
        self._send.close()

    async def receive(self) -> Chunk:
        """Raises trio.EndOfChannel when it is closed and empty."""
        chunk = await self._receive.receive()
        self._waiting -= len(chunk.data)
        return chunk

    def leave(self) -> None:
        """The reader's end: what is pushed from now on is refused."""
        self._receive.close()
