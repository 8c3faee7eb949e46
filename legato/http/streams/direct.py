"""The direct way of a stream: past the server that accepted the connection, not behind its back.

Through an ASGI server one small frame to one reader costs ten times what the kernel takes for it.
So of a plain HTTP/1.1 response only the head and the end go the ordinary way.  What is between
them the job writes to the client's socket itself, in the same chunked coding: the server's state
stays true, because the coding has none from one chunk to the next.
"""

import trio

from legato.events import Cursor
from legato.http.streams.socket_sink import Client, SocketSink, chunked
from legato.http.streams.streaming import HEARTBEAT, Reading, StreamBody, StreamCut, Streams


class DirectBody(StreamBody):
    def __init__(
        self,
        reading: Reading,
        client: Client,
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
        """Send everything.  For the server nothing is left but the body's end."""
        while not self._ended:
            await self._follow()
        raise StopAsyncIteration

    async def _follow(self) -> None:
        """Be sent to, to the ending or until this reader lags; then there is more to ask for."""
        sink = self._sink = self._new_sink()
        await self._reading.job.subscribe(self._reading.dialect, self._start, sink)
        while not sink.is_done:
            await self._wait(sink)
            await sink.flush()
        if sink.is_left:
            raise StreamCut
        self._ended = sink.last
        if sink.epoch:
            self._start = Cursor(self._reading.job.job_id, sink.epoch, sink.seq)

    async def _wait(self, sink: SocketSink) -> None:
        """Until the sink wants something of us; a comment where it is silent for so long.

        Nobody looks at the clock at every push: half the time is waited for, and it counts if
        nothing came in all of it.
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
