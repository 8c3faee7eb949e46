"""Frames straight to the kernel, from the job's own task, without waiting."""

from typing import Protocol

import trio

from legato.actors.stream.sinks import Chunk


class RawConnection(Protocol):
    """A connection after a response's head; until the response's end the sink alone writes."""

    def send_nowait(self, data: bytes) -> int:
        """The number of bytes that the kernel took.

        Raises:
            BlockingIOError: if the kernel takes nothing now.
            OSError: if the connection is broken.
        """
        ...

    async def send_all(self, data: bytes | memoryview) -> None:
        """Send all of `data`.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: if the connection has ended.
        """
        ...


def chunked(data: bytes) -> bytes:
    """A chunk of HTTP/1.1's chunked coding; empty for no data: an empty chunk would be the end."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


class Coding:
    """The last chunk in the chunked coding, kept for all readers of the same chunk.

    `data`: `chunk` in the coding.
    """

    __slots__ = ("chunk", "data")

    def __init__(self) -> None:
        self.chunk: Chunk | None = None
        self.data = b""

    def coded(self, chunk: Chunk) -> bytes:
        if chunk is not self.chunk:
            self.chunk, self.data = chunk, chunked(chunk.data)
        return self.data


class SocketSink:
    """The sink of one response's body.

    The job pushes.  Bytes of a push that the kernel does not take are left to the response's own
    task (`flush`), and until then further pushes are refused.  So the bytes stay in order though
    two tasks write.
    """

    __slots__ = (
        "_client",
        "_coding",
        "_newest",
        "_rest",
        "_send",
        "_stirred",
        "is_closed",
        "is_left",
    )

    def __init__(self, client: RawConnection, coding: Coding) -> None:
        self.is_left = False
        self.is_closed = False
        self._newest: Chunk | None = None
        self._client = client
        self._send = client.send_nowait
        self._coding = coding
        self._rest: bytes | memoryview = b""
        self._stirred = trio.Event()

    @property
    def waiting(self) -> int:
        return len(self._rest)

    @property
    def seq(self) -> int:
        """The position up to which frames are sent, or kept here."""
        return self._newest.seq if self._newest else 0

    @property
    def epoch(self) -> int:
        """The job's epoch at that position; 0 before the first push."""
        return self._newest.epoch if self._newest else 0

    @property
    def last(self) -> bool:
        return self._newest is not None and self._newest.last

    def push(self, chunk: Chunk) -> bool:
        # Of a job with many readers nothing else is done for each reader: a call or an attribute
        # less shows.
        if self._rest or self.is_left:
            return False
        self._newest = chunk
        coding = self._coding
        self.write(coding.data if coding.chunk is chunk else coding.coded(chunk))
        return not self.is_left

    def write(self, data: bytes) -> None:
        """Write `data`, and keep the rest that the kernel does not take.

        To be called only while nothing is kept.
        """
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.leave()
            return
        if sent < len(data):
            self._rest = memoryview(data)[sent:]
            self._stirred.set()

    def close(self) -> None:
        self.is_closed = True
        self._stirred.set()

    def leave(self) -> None:
        """Take no more pushes: the response is over, or the connection is broken."""
        self.is_left = True
        self.close()

    @property
    def is_done(self) -> bool:
        """Whether no more frames come, and nothing is kept."""
        return self.is_closed and not self._rest

    async def stirred(self) -> None:
        """Wait until the sink is closed, or has something to flush."""
        await self._stirred.wait()

    async def flush(self) -> None:
        """Send all that is kept.  Raises as `RawConnection.send_all` does."""
        if self._rest:
            await self._client.send_all(self._rest)
            self._rest = b""
        if not self.is_closed:
            self._stirred = trio.Event()
