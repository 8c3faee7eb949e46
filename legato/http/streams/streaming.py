"""A generation as the body of a response, whichever way its frames go: how it may end."""

from abc import abstractmethod
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Final, Self

import trio
from msgspec import Struct
from quart.wrappers.response import ResponseBody

from legato.actors.mailbox import ActorError, ActorStopped
from legato.actors.ref import JobRef
from legato.actors.stream.places import Start
from legato.http.streams.socket_sink import Coding

HEARTBEAT: Final = b": hb\n\n"
STOP_PATIENCE: Final = 2.0  # seconds that the task of a reader who left may still take


class StreamCut(Exception):
    """The body cannot go on to its ending.

    A clean end would tell the client that it had everything; so the connection is dropped in
    the middle of the body instead, and the client comes back with its cursor.
    """


class Streams:
    """The bodies that are being sent now."""

    def __init__(self) -> None:
        self.bodies: set[StreamBody] = set()
        self.begun = Counter[str]()  # where: a snapshot and a cursor are a reader's that came back
        self.coding = Coding()
        self._is_cut = False

    def add(self, body: "StreamBody") -> None:
        self.bodies.add(body)
        if self._is_cut:
            body.cut()

    def discard(self, body: "StreamBody") -> None:
        self.bodies.discard(body)

    def cut(self) -> None:
        """Have none of them go on, nor any that is still to come: the server is about to go."""
        self._is_cut = True
        for body in self.bodies:
            body.cut()


class Reading(Struct, frozen=True):
    """What a body reads.  `head`: frames that go before those from `start`.

    `is_bound`: the job is for this reader; where it leaves before the ending, that stops the job.
    """

    job: JobRef
    dialect: str
    start: Start
    head: bytes = b""
    is_bound: bool = False


class StreamBody(ResponseBody):
    """Ends cleanly after the terminal frame, and never otherwise.

    `heartbeat`: seconds of silence after which a comment is sent.
    """

    def __init__(self, reading: Reading, heartbeat: float, streams: Streams) -> None:
        self._reading = reading
        self._head = reading.head
        self._heartbeat = heartbeat
        self._streams = streams
        self._ended = False
        self._is_cut = False
        self._silence = trio.CancelScope()

    def cut(self) -> None:
        """End it where it is: now if it waits, else once the frames in its hands are sent."""
        self._is_cut = True
        self._silence.cancel()

    async def __aenter__(self) -> Self:
        self._streams.add(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._streams.discard(self)
        self._leave()

    async def left(self) -> None:
        """The response is over, to its end or not, and perhaps before it was begun."""
        if self._reading.is_bound and not (self._ended or self._is_cut):
            await stop_left(self._reading.job)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """What the server shall send next."""
        if self._head:
            head, self._head = self._head, b""
            return head
        try:
            return await self._next()
        except (ActorError, trio.BrokenResourceError, trio.ClosedResourceError):
            raise StreamCut from None

    @abstractmethod
    async def _next(self) -> bytes: ...

    @abstractmethod
    def _leave(self) -> None:
        """No more is wanted of the job."""


@asynccontextmanager
async def awaited(job: JobRef, *, is_bound: bool) -> AsyncIterator[None]:
    """While somebody waits for it; where its client leaves meanwhile, a bound job is stopped."""
    try:
        yield
    except trio.Cancelled:
        if is_bound:
            with trio.move_on_after(STOP_PATIENCE, shield=True):
                await stop_left(job)
        raise


async def stop_left(job: JobRef) -> None:
    """Stop a job whose only reader has left; that reader's own task does it, as its last act.

    The job is told at once, whether or not somebody waits for how it ends.
    """
    with suppress(ActorStopped):
        await job.stop()
