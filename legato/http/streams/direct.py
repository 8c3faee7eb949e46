"""The direct way of a stream: frames past the ASGI server, to the client's socket.

Through an ASGI server one small frame to one reader costs ten times as much as the kernel's part.
So of a plain HTTP/1.1 response only the head and the end go the ordinary way.  The job writes all
frames between to the client's socket, in the same chunked coding.  The server's state stays true,
because the coding has no state between two chunks.
"""

import trio

from legato.events import Cursor
from legato.http.streams.socket_sink import RawConnection, SocketSink, chunked
from legato.http.streams.streaming import HEARTBEAT, Reading, StreamBody, StreamCut, Streams


class DirectBody(StreamBody):
    """A body whose frames the job writes to the socket; the body itself only waits."""

    def __init__(
        self,
        reading: Reading,
        client: RawConnection,
        heartbeat: float,
        streams: Streams,
    ) -> None:
        super().__init__(reading, heartbeat, streams)
        self._start = reading.start
        self._client = client
        self._sink = self._new_sink()

    def _new_sink(self) -> SocketSink:
        return SocketSink(self._client, self._streams.coding)

    def _leave(self) -> None:
        self._sink.leave()

    async def _next(self) -> bytes:
        """Send all frames; for the server only the body's end is left."""
        while not self._ended:
            await self._follow()
        raise StopAsyncIteration

    async def _follow(self) -> None:
        """Subscribe once, until the ending or until this reader lags and has to ask again."""
        sink = self._sink = self._new_sink()
        await self._reading.job.subscribe(self._reading.dialect, self._start, sink)
        while not sink.is_done:
            if self._is_cut or not sink.waiting:
                await self._wait(sink)
            await sink.flush()
        if sink.is_left:
            raise StreamCut
        self._ended = sink.last
        if sink.epoch:
            self._start = Cursor(self._reading.job.job_id, sink.epoch, sink.seq)

    async def _wait(self, sink: SocketSink) -> None:
        """Wait until the sink has something to do; after a heartbeat's silence send a comment.

        A push does not look at the clock.  The wait is half a heartbeat, and the comment is sent
        if no push came meanwhile.
        """
        seen = sink.seq
        with trio.move_on_after(self._heartbeat / 2) as self._silence:
            if not self._is_cut:
                await sink.stirred()
                return
        if self._is_cut:
            raise StreamCut
        if sink.seq == seen:
            sink.write(chunked(HEARTBEAT))
