"""A client's socket, as the server of its connection is given it."""

import math
import socket as sockets
import struct
from collections.abc import Callable
from contextlib import suppress
from socket import socket
from typing import Final

import trio

SLICE: Final = 16 * 1024  # bytes that are written at a time, each slice with its own deadline

READ: Final = 16 * 1024
"""Bytes that are read at a time.  What h11 makes of them it makes in one go, and of 64 KiB of the
smallest header fields that takes too long."""

RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER for no time: closing sends RST


class ClientStream:
    def __init__(self, accepted: trio.SocketStream, patience: float) -> None:
        """`patience`: seconds in which a client must take a slice, or lose its connection."""
        plain = socket(fileno=accepted.socket.detach())
        self.socket = trio.socket.from_stdlib_socket(plain)
        self.send_nowait: Final = plain.send  # past Trio: for whoever writes without waiting
        self._peek: Final = plain.recv
        self.life = trio.CancelScope()
        self._stream = trio.SocketStream(self.socket)
        self._patience = patience
        self._writing = trio.CancelScope()
        self._reading = trio.CancelScope()
        self._due = math.inf  # when something must have come

    async def has_begun(self) -> bool:
        """Wait for the client's first byte; False where the client leaves or is late instead."""
        with trio.CancelScope(deadline=self._due) as self._reading:
            await trio.lowlevel.wait_readable(self.socket)
            return not has_left(self._peek)
        return False

    async def receive_some(self, max_bytes: int) -> bytes | bytearray:
        """Raises trio.TooSlowError where what was expected has not come."""
        with trio.CancelScope(deadline=self._due) as self._reading:
            return await self._stream.receive_some(min(max_bytes, READ))
        raise trio.TooSlowError

    def expect(self, seconds: float) -> None:
        """Have no more patience for a request than this, from now on, until told otherwise."""
        self._due = self._reading.deadline = trio.current_time() + seconds

    def end_wait(self) -> None:
        """Expect no further request.  One that is being answered is none."""
        if self._due < math.inf:
            self.expect(0)

    async def send_all(self, data: bytes | memoryview) -> None:
        """Hypercorn shields its writes from cancellation, so their deadline has to be in here."""
        view = memoryview(data)
        for start in range(0, len(data), SLICE):
            with trio.move_on_after(self._patience) as self._writing:
                await self._stream.send_all(view[start : start + SLICE])
            if self._writing.cancelled_caught:
                self.reset()
                raise trio.BrokenResourceError("the client takes nothing")

    def hasten(self, patience: float) -> None:
        """Have no more patience than this, from now on."""
        self._patience = patience
        self._writing.deadline = min(self._writing.deadline, trio.current_time() + patience)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()
        # Behind a response that ends the connection, Hypercorn waits for ever for the next
        # request's turn where a client sent one ahead; so the connection's task ends from here.
        self.life.cancel()

    def reset(self) -> None:
        """Close at once, whoever waits for the client, and so that nobody takes it for an end."""
        with suppress(OSError):
            self.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, RESET_ON_CLOSE)
        self.socket.close()


def has_left(receive: Callable[[int, int], bytes]) -> bool:
    """Whether the end of all that a client sends is there, and nothing before the end.

    `receive` is `recv` of the client's socket.
    """
    try:
        return receive(1, sockets.MSG_PEEK | sockets.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
