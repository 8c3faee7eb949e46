"""Frames straight to the kernel, from the job's own task, without waiting."""

from typing import Protocol

import trio

from legato.actors.stream.sinks import Chunk


class Client(Protocol):
    """A connection whose response's head is sent, and that nobody else writes to until its end."""

    def send_nowait(self, data: bytes) -> int:
        """How many bytes the kernel took.  Raises BlockingIOError for none, OSError for never."""
        ...

    async def send_all(self, data: bytes | memoryview) -> None:
        """Raises trio.BrokenResourceError or ClosedResourceError where the client takes no more."""
        ...


def chunked(data: bytes) -> bytes:
    """One chunk of HTTP/1.1's chunked coding.  None for no data: an empty one ends the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


class Coding:
    """The chunked coding of what many readers get, made once: they get it one after the other."""

    def __init__(self) -> None:
        self._chunk: Chunk | None = None
        self._coded = b""

    def coded(self, chunk: Chunk) -> bytes:
        if chunk is not self._chunk:
            self._chunk, self._coded = chunk, chunked(chunk.data)
        return self._coded


class SocketSink:
    """One response's body while it is followed.

    The job pushes; what the kernel does not take of a push is left to the response's own task
    (`flush`), and until that is done further pushes are refused.  So the bytes stay in order
    though two tasks write them.
    """

    def __init__(self, client: Client, coding: Coding) -> None:
        self.seq = 0  # the position up to which frames are sent, or kept in here
        self.epoch = 0  # the job's at that position; 0 while nothing was pushed
        self.last = False
        self.is_left = False
        self.is_closed = False
        self._client = client
        self._send = client.send_nowait
        self._coding = coding
        self._rest: bytes | memoryview = b""
        self._stirred = trio.Event()

    def push(self, chunk: Chunk) -> bool:
        if self._rest or self.is_left:
            return False
        self.seq = chunk.seq
        self.epoch = chunk.epoch
        self.last = chunk.last
        self.write(self._coding.coded(chunk))
        return not self.is_left

    def write(self, data: bytes) -> None:
        """Write it, or keep what the kernel does not take.  Only where nothing is kept yet."""
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
        """The response's own word, or the kernel's, that no more can be sent."""
        self.is_left = True
        self.close()

    @property
    def is_done(self) -> bool:
        """Whether no more comes, and nothing is kept."""
        return self.is_closed and not self._rest

    async def stirred(self) -> None:
        """Wait until it is closed, or there is something to flush."""
        await self._stirred.wait()

    async def flush(self) -> None:
        """Have all that is kept taken.  Raises as `Client.send_all` does."""
        if self._rest:
            await self._client.send_all(self._rest)
            self._rest = b""
        if not self.is_closed:
            self._stirred = trio.Event()
