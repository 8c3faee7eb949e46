"""The way of events to the client of a WebSocket: past the ASGI server, or through it."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import trio
from msgspec import json

from legato.actors.ref import JobRef
from legato.actors.stream.places import Start
from legato.actors.subscription import Subscription
from legato.events import Cursor
from legato.http.gate import judged
from legato.http.openai.responses.request import API
from legato.http.streams.frames import FrameSink, RawSocket, text_frame

BeforeLast = Callable[[], Awaitable[None]]
"""Returns once the last event of a response may be sent."""


class Outbox:
    """The way of one connection's events.  Events are sent in the order of the calls."""

    def __init__(self) -> None:
        self._steers = 0  # events about steers

    @abstractmethod
    async def send(self, event: bytes) -> None:
        """Send an event, a JSON object."""

    @abstractmethod
    async def follow(self, job: JobRef, stream_id: str | None, before_last: BeforeLast) -> None:
        """Send all events of a job, to the last, with the name of the lane.

        Raises:
            ActorError, StorageError: if the job left before the last.
        """

    async def tell(self, body: Mapping[str, Any], stream_id: str | None) -> None:
        await self.send(named(json.encode(body), stream_id))

    async def tell_of_steer(self, body: Mapping[str, Any], stream_id: str | None) -> None:
        """Send an event about a steer: on each connection numbered from 0, by themselves."""
        number = self._steers
        self._steers += 1
        await self.tell({**body, "sequence_number": number}, stream_id)

    async def refuse(self, error: Exception, stream_id: str | None = None) -> None:
        """Send the refusal in the form of HTTP's, and always with a code."""
        response = await judged(error)
        refusal = json.decode(await response.get_data())["error"]
        refusal["code"] = refusal["code"] or refusal["type"]
        event = {"type": "error", "status": response.status_code, "error": refusal}
        await self.tell(event, stream_id)


class DirectOutbox(Outbox):
    """Past the ASGI server: the jobs write the frames of their events."""

    def __init__(self, socket: RawSocket) -> None:
        super().__init__()
        self._socket = socket

    async def send(self, event: bytes) -> None:
        await self._socket.send_frames(text_frame(event))

    async def follow(self, job: JobRef, stream_id: str | None, before_last: BeforeLast) -> None:
        start: Start = "beginning"
        last = None
        while last is None:
            sink = FrameSink(self._socket, lambda data: frames_of(data, stream_id))
            try:
                await job.subscribe(API, start, sink)
                await sink.done()
            finally:
                sink.leave()
            if sink.epoch:
                start = Cursor(job.job_id, sink.epoch, sink.seq)
            last = sink.last
        await before_last()
        await self._socket.send_frames(frames_of(last.data, stream_id))


class ServedOutbox(Outbox):
    """Through the ASGI server, by the task that reads the other end of the channel."""

    def __init__(self, events: trio.MemorySendChannel[bytes]) -> None:
        super().__init__()
        self._events = events

    async def send(self, event: bytes) -> None:
        await self._events.send(event)

    async def follow(self, job: JobRef, stream_id: str | None, before_last: BeforeLast) -> None:
        subscription = Subscription(job, API, "beginning")
        try:
            is_last = False
            while not is_last:
                chunk = await subscription.receive()
                is_last = chunk.last
                if is_last:
                    await before_last()
                for event in named_events(chunk.data, stream_id):
                    await self.send(event)
        finally:
            subscription.leave()


def named(event: bytes, stream_id: str | None) -> bytes:
    """The event with the name of its lane."""
    if stream_id is None:
        return event
    return b'%b,"stream_id":%b}' % (event[:-1], json.encode(stream_id))


def named_events(data: bytes, stream_id: str | None) -> Iterator[bytes]:
    for event in _events_in(data):
        yield named(event, stream_id)


def frames_of(data: bytes, stream_id: str | None) -> bytes:
    """The frames of a WebSocket for the server-sent events in `data`."""
    return b"".join(map(text_frame, named_events(data, stream_id)))


def _events_in(frames: bytes) -> Iterator[bytes]:
    """The data of the frames that are events; `[DONE]` is not an event."""
    for frame in frames.split(b"\n\n"):
        _, is_event, event = frame.partition(b"\ndata: ")
        if is_event:
            yield event
