"""A client's socket for the connection's server, with deadlines."""

import math
import socket as sockets
import struct
from collections.abc import Callable
from contextlib import suppress
from socket import socket
from typing import Final

import trio

SLICE: Final = 16 * 1024  # bytes of one write; each slice has its own deadline

READ: Final = 16 * 1024
"""Bytes of one read.  h11 parses all bytes of a read in one go, and 64 KiB of the smallest header
fields would take too long."""

RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER for no time: closing sends RST


class ClientStream:
    """Reads and writes of one client; a client that misses a deadline has its socket closed."""

    def __init__(self, accepted: socket, patience: float) -> None:
        """`patience`: seconds in which a client must take a slice, or the connection is closed."""
        self.socket = trio.socket.from_stdlib_socket(accepted)
        self.send_nowait: Final = accepted.send  # past Trio: for writes without waiting
        self.life = trio.CancelScope()
        self._stream = trio.SocketStream(self.socket)
        self._patience = patience
        self._writing = trio.CancelScope()
        self._reading = trio.CancelScope()
        self._first: bytes | bytearray = b""  # READ at most, until the connection's server reads
        self._due = math.inf  # the time by which the client must have sent something

    async def has_begun(self) -> bool:
        """Wait for the client's first bytes; False where the client leaves or is late."""
        try:
            self._first = await self.receive_some(READ)
        except (trio.BrokenResourceError, trio.TooSlowError):
            return False
        return bool(self._first)

    async def receive_some(self, max_bytes: int) -> bytes | bytearray:
        """Raises trio.TooSlowError where the client has sent nothing by the deadline."""
        if self._first:
            first, self._first = self._first, b""
            return first
        with trio.CancelScope(deadline=self._due) as self._reading:
            return await self._stream.receive_some(min(max_bytes, READ))
        raise trio.TooSlowError

    def expect(self, seconds: float) -> None:
        """Set the deadline for a request: `seconds` from now, until the next call."""
        self._due = self._reading.deadline = trio.current_time() + seconds

    def end_wait(self) -> None:
        """Expect no further request; a request that is being answered goes on."""
        if self._due < math.inf:
            self.expect(0)

    async def send_all(self, data: bytes | memoryview) -> None:
        """Write in slices, each with a deadline: Hypercorn shields writes from cancellation.

        Raises:
            trio.BrokenResourceError: if the client takes nothing for `patience` seconds.
        """
        view = memoryview(data)
        with trio.CancelScope() as self._writing:
            for start in range(0, len(data), SLICE):
                self._writing.deadline = trio.current_time() + self._patience
                await self._stream.send_all(view[start : start + SLICE])
            return
        self.reset()
        raise trio.BrokenResourceError("the client takes nothing")

    def write(self, data: bytes) -> int:
        """The number of bytes taken by the kernel now; 0 also where the connection is broken."""
        try:
            return self.send_nowait(data)
        except OSError:
            return 0

    def hasten(self, patience: float) -> None:
        """Shorten the deadline of this and all later writes to `patience` seconds."""
        self._patience = patience
        self._writing.deadline = min(self._writing.deadline, trio.current_time() + patience)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()
        # After the last response of a connection, Hypercorn waits for ever for the turn of a
        # request sent ahead.  The connection's task is therefore ended from here.
        self.life.cancel()

    def reset(self) -> None:
        """Close at once with a RST, which no client takes for a clean end of a body."""
        with suppress(OSError):
            self.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, RESET_ON_CLOSE)
        self.socket.close()


def has_left(receive: Callable[[int, int], bytes]) -> bool:
    """Whether the client has closed, and no byte is left to be read.

    `receive` is `recv` of the client's socket.
    """
    try:
        return receive(1, sockets.MSG_PEEK | sockets.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
