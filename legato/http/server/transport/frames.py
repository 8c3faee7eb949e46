"""The bytes of a WebSocket on the way to the client: each frame whole, all in one order."""

from typing import Final

import trio

from legato.http.server.transport.client_stream import ClientStream


class FrameWriter:
    """The only writer of a connection that is a WebSocket.

    Control frames, the application's messages and the jobs' events all come by `write`, which never
    waits.  Bytes that the kernel does not take are kept, and all later bytes are kept behind these
    until `flush` has sent everything.  A frame is therefore never torn by another frame.
    """

    def __init__(self, client: ClientStream) -> None:
        self._client: Final = client
        self._kept = bytearray()
        self._flushing = trio.Lock()

    @property
    def waiting(self) -> int:
        """Bytes that are kept."""
        return len(self._kept)

    def write(self, frames: bytes) -> bool:
        """Write whole frames; False where bytes are kept now."""
        sent = 0 if self._kept else self._client.write(frames)
        if sent == len(frames):
            return True
        self._kept += memoryview(frames)[sent:]
        return False

    async def flush(self) -> None:
        """Send all that is kept.  Gives way to other tasks in any case.

        A frame that was begun is sent to its end also where the caller is cancelled; each slice of
        the bytes has a deadline, see `ClientStream.send_all`.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: if the connection has ended.
        """
        async with self._flushing:
            while self._kept:
                waiting = bytes(self._kept)
                with trio.CancelScope(shield=True):
                    await self._client.send_all(waiting)
                del self._kept[: len(waiting)]
