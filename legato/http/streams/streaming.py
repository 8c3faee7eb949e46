"""A generation as the body of a response, in either way: the ends of a body."""

from abc import abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Collection
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
from legato.storage.contracts.errors import StorageError

HEARTBEAT: Final = b": hb\n\n"
STOP_PATIENCE: Final = 2.0  # seconds for a reader's task after the reader has left


class StreamCut(Exception):
    """The body cannot go on to the ending.

    A client takes a clean end for the whole stream.  So the connection is dropped in the middle
    of the body, and the client comes back with a cursor.
    """


class Streams:
    """The bodies that are being sent, and the number of bodies begun."""

    def __init__(self) -> None:
        self.bodies: set[LastingBody] = set()
        self.begun = Counter[str]()  # by start; snapshots and cursors are for returning readers
        self.coding = Coding()
        self._is_cut = False

    def add(self, body: "LastingBody") -> None:
        self.bodies.add(body)
        if self._is_cut:
            body.cut()

    def discard(self, body: "LastingBody") -> None:
        self.bodies.discard(body)

    def cut(self) -> None:
        """Cut all bodies, and all later ones: the server is about to end."""
        self._is_cut = True
        for body in self.bodies:
            body.cut()


class Reading(Struct, frozen=True):
    """The job that a body reads, from `start`.  `head`: frames before the job's own frames.

    `is_bound`: the job is for this reader alone, and is stopped when the reader leaves early.
    """

    job: JobRef
    dialect: str
    start: Start
    head: bytes = b""
    is_bound: bool = False


class LastingBody(ResponseBody):
    """A body that waits for what is to come, and is cut when the server is about to end.

    `heartbeat`: seconds of silence after which a comment is sent.
    """

    def __init__(self, heartbeat: float, streams: Streams) -> None:
        self._heartbeat = heartbeat
        self._streams = streams
        self._is_cut = False
        self._silence = trio.CancelScope()

    def cut(self) -> None:
        """Cut the body: now while waiting, else after the frames that are being sent."""
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

    def __aiter__(self) -> Self:
        return self

    @abstractmethod
    async def __anext__(self) -> bytes:
        """The bytes that the server sends next."""

    @abstractmethod
    def _leave(self) -> None:
        """Leave the source of the body: no more frames are wanted."""


class StreamBody(LastingBody):
    """A job's frames.  Ends cleanly after the terminal frame, and never otherwise."""

    def __init__(self, reading: Reading, heartbeat: float, streams: Streams) -> None:
        super().__init__(heartbeat, streams)
        self._reading = reading
        self._head = reading.head
        self._ended = False

    @property
    def is_deserted(self) -> bool:
        """Whether the job is bound to this reader, and the ending was not sent."""
        return self._reading.is_bound and not (self._ended or self._is_cut)

    async def left(self) -> None:
        """Stop the deserted job, once the response is over, or was never begun."""
        await stop_left(self._reading.job)

    async def __anext__(self) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        try:
            return await self._next()
        except (
            ActorError,
            StorageError,  # a parked run cannot be read now; the client comes back
            trio.BrokenResourceError,
            trio.ClosedResourceError,
        ):
            raise StreamCut from None

    @abstractmethod
    async def _next(self) -> bytes: ...


@asynccontextmanager
async def awaited(job: JobRef, *, is_bound: bool) -> AsyncIterator[None]:
    """A block that waits for the job; when the client leaves meanwhile, a bound job is stopped."""
    async with all_awaited([job], is_bound=is_bound):
        yield


@asynccontextmanager
async def all_awaited(jobs: Collection[JobRef], *, is_bound: bool) -> AsyncIterator[None]:
    """As `awaited`, for several jobs, which may become more; also where the block fails."""
    try:
        yield
    except BaseException:  # trio.Cancelled, and groups of it from a nursery in the block
        if is_bound:
            with trio.move_on_after(STOP_PATIENCE, shield=True):
                await stop_all_left(jobs)
        raise


async def stop_all_left(jobs: Collection[JobRef]) -> None:
    """As `stop_left`, for several jobs at once."""
    async with trio.open_nursery() as nursery:
        for job in jobs:
            nursery.start_soon(stop_left, job)


async def stop_left(job: JobRef) -> None:
    """Stop a job after the only reader has left, in the reader's own task, as the last act.

    The job is told at once, also where the reply is not waited for.
    """
    with suppress(ActorStopped):
        await job.stop()
