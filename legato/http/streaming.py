"""A generation as the body of a response, whichever way its frames go: how it may end."""

from abc import abstractmethod
from types import TracebackType
from typing import Final, Self

import trio
from quart.wrappers.response import ResponseBody

from legato.actors.mailbox import ActorStopped
from legato.http.socket_sink import Coding

HEARTBEAT: Final = b": hb\n\n"


class StreamCut(Exception):
    """The body cannot go on to its ending.

    A clean end would tell the client that it had everything; so the connection is dropped in
    the middle of the body instead, and the client comes back with its cursor.
    """


class Streams:
    """The bodies that are being sent now."""

    def __init__(self) -> None:
        self.bodies: set[StreamBody] = set()
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


class StreamBody(ResponseBody):
    """Ends cleanly after the terminal frame, and never otherwise.

    `heartbeat`: seconds of silence after which a comment is sent.
    """

    def __init__(self, heartbeat: float, streams: Streams) -> None:
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

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """What the server shall send next."""
        try:
            return await self._next()
        except (ActorStopped, trio.BrokenResourceError, trio.ClosedResourceError):
            raise StreamCut from None

    @abstractmethod
    async def _next(self) -> bytes: ...

    @abstractmethod
    def _leave(self) -> None:
        """No more is wanted of the job."""
