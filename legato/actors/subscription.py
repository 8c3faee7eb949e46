"""A reader's passage through a job: missed events, following events, again after each lag."""

import trio

from legato.actors.ref import JobRef
from legato.actors.stream.places import Start
from legato.actors.stream.sinks import ChannelSink, Chunk
from legato.events import Cursor


class Subscription:
    """Yields every event once, in order, to the ending, whose chunk says `last`.

    Being cancelled in `receive` loses nothing: the position moves only with a chunk handed over.
    """

    def __init__(self, job: JobRef, dialect: str, start: Start) -> None:
        self._job = job
        self._dialect = dialect
        self._start = start
        self._sink: ChannelSink | None = None

    def leave(self) -> None:
        """No more is wanted."""
        if self._sink is not None:
            self._sink.leave()

    async def receive(self) -> Chunk:
        """The next frames, never empty unless `last`.

        Raises:
            ActorStopped: if the job left before this reader had the ending.
        """
        while True:
            chunk = await self._next(self._sink or await self._subscribe())
            if chunk is not None and (chunk.data or chunk.last):
                return chunk

    async def _subscribe(self) -> ChannelSink:
        sink = ChannelSink()
        try:
            await self._job.subscribe(self._dialect, self._start, sink)
        except BaseException:
            sink.leave()
            raise
        self._sink = sink
        return sink

    async def _next(self, sink: ChannelSink) -> Chunk | None:
        """None where the job dropped this reader for lagging; `receive` then asks again."""
        try:
            chunk = await sink.receive()
        except trio.EndOfChannel:
            sink.leave()
            self._sink = None
            return None
        self._start = Cursor(self._job.job_id, chunk.epoch, chunk.seq)
        return chunk
