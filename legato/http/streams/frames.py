"""The direct way of a WebSocket: a job's events as frames, past the ASGI server.

Through an ASGI server a message costs twice what the rest of a token does.  So under `legato serve`
only the handshake, the client's messages and the closing go the ordinary way.  The job writes the
frames of its events to the connection's only writer, which joins the frames of a push.
"""

from collections.abc import Callable
from typing import Final, Protocol

import trio

from legato.actors.stream.sinks import Chunk

FRAMES: Final = "legato.frames"
"""The extension of a WebSocket's ASGI scope with the RawSocket, where there is one."""

_TEXT: Final = 0x81  # the first byte of a frame that is a whole text message
_SHORT: Final = 125  # bytes of a text whose length fits the second byte
_MEDIUM: Final = 0xFFFF  # bytes of a text whose length fits the two bytes behind


class RawSocket(Protocol):
    """An accepted WebSocket.  Frames behind the close frame are dropped."""

    @property
    def waiting(self) -> int:
        """Bytes that are kept, because the kernel did not take them."""
        ...

    def write(self, frames: bytes) -> bool:
        """Write whole frames without waiting; False where bytes are kept now."""
        ...

    async def send_frames(self, frames: bytes) -> None:
        """Write whole frames, and wait until no byte is kept."""
        ...


def text_frame(text: bytes) -> bytes:
    """A text message of a server, in UTF-8, as one frame (RFC 6455, 5.2)."""
    size = len(text)
    if size <= _SHORT:
        return b"%c%c%b" % (_TEXT, size, text)
    if size <= _MEDIUM:
        return b"%c\x7e%b%b" % (_TEXT, size.to_bytes(2), text)
    return b"%c\x7f%b%b" % (_TEXT, size.to_bytes(8), text)


class FrameSink:
    """The sink of one response's events.

    The job pushes.  A push refused while bytes wait for the client makes the response's task ask
    again.  The chunk with the ending is kept for that task, which may have to say more before.
    """

    def __init__(self, socket: RawSocket, coded: Callable[[bytes], bytes]) -> None:
        """`coded`: the frames that a chunk's data becomes."""
        self.seq = 0  # the position up to which frames are written
        self.epoch = 0  # the job's epoch at that position; 0 before the first push
        self.last: Chunk | None = None
        self.is_left = False
        self._is_closed = False
        self._stirred = trio.Event()
        self._socket = socket
        self._coded = coded

    @property
    def waiting(self) -> int:
        """The bytes that the connection keeps: all responses of a connection are behind at once."""
        return self._socket.waiting

    def push(self, chunk: Chunk) -> bool:
        if self.is_left:
            return False
        if chunk.last:
            self.last = chunk
            return True
        if self._socket.waiting:
            return False
        self.seq = chunk.seq
        self.epoch = chunk.epoch
        if not self._socket.write(self._coded(chunk.data)):
            self._stirred.set()
        return True

    def close(self) -> None:
        self._is_closed = True
        self._stirred.set()

    def leave(self) -> None:
        """Take no more pushes."""
        self.is_left = True
        self.close()

    async def done(self) -> None:
        """Wait until the sink is closed, and nothing waits for the client.

        Bytes that the client did not take at once are sent meanwhile.
        """
        while True:
            await self._stirred.wait()
            self._stirred = trio.Event()
            await self._socket.send_frames(b"")
            if self._is_closed:
                return
