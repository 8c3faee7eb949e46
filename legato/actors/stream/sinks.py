"""The targets of a job's frames: each takes bytes without waiting, or refuses."""

import math
from contextlib import suppress
from typing import Protocol

import trio
from msgspec import Struct

BACKLOG_BYTES = 32 * 1024  # bytes waiting for a reader, from which on the reader lags


class Chunk(Struct, frozen=True):
    """Whole frames, up to and with position `seq`; `last` if the ending is among them.

    `epoch`: the job's, at `seq`.
    """

    data: bytes
    seq: int
    epoch: int
    last: bool = False


class Sink(Protocol):
    """A reader's end of a job: every push is taken whole, or refused for good."""

    @property
    def is_left(self) -> bool:
        """Whether the reader is gone: a push would be refused."""
        ...

    @property
    def waiting(self) -> int:
        """Bytes taken and not sent yet, as far as this process can see."""
        ...

    def push(self, chunk: Chunk) -> bool:
        """Take the chunk now, or refuse for good: a refusal says that this reader lags or left."""
        ...

    def close(self) -> None:
        """No more comes.  A reader without the ending by then asks again."""
        ...


class ChannelSink:
    """A bounded channel.  The waiting bytes are shared by all readers."""

    def __init__(self) -> None:
        # The channel's length is bounded by the waiting bytes, not by the number of chunks.
        self._send, self._receive = trio.open_memory_channel[Chunk](math.inf)
        self._waiting = 0

    @property
    def waiting(self) -> int:
        return self._waiting

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
        """Raises trio.EndOfChannel when the channel is closed and empty."""
        chunk = await self._receive.receive()
        self._waiting -= len(chunk.data)
        return chunk

    def leave(self) -> None:
        """The reader's end: later pushes are refused."""
        self._receive.close()
