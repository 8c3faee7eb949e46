"""Lanes of a WebSocket: in each the responses come one after another, and lanes go side by side.

A client names lanes by `stream_id`, and every event repeats the name.  Messages without a name are
a lane, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import trio
from msgspec import Struct
from msgspec.structs import replace

from legato.actors.mailbox import ActorError
from legato.actors.ref import JobRef
from legato.events import AnyEnding, Finished
from legato.http.errors import HANDLED, InvalidField, RequestError
from legato.http.openai.outcomes import Lost
from legato.http.openai.responses.chain import Chains, remembered
from legato.http.openai.responses.creation import Begun, begin_response
from legato.http.openai.responses.outbox import Outbox
from legato.http.openai.responses.request import ResponseBody
from legato.http.openai.responses.socket_messages import pass_guards, request_in
from legato.http.openai.responses.steer_events import SteerInput, failed, pending, required_input
from legato.http.streams.streaming import awaited
from legato.storage.contracts.errors import StorageError

MOST_LANES: Final = 8
"""Lanes of a connection that are busy at once; a client's further connection has as many again."""

MOST_WAITING: Final = 8
"""Messages of a lane that wait for its running response: all are in memory."""

LONGEST_NAME: Final = 64


class TooManyLanes(RequestError):
    status = 429

    def __init__(self) -> None:
        super().__init__(
            f"{MOST_LANES} lanes of this connection are busy; wait, or open another connection.",
            param="stream_id",
            code="websocket_lane_limit_reached",
        )


class LaneFull(RequestError):
    status = 429

    def __init__(self) -> None:
        super().__init__(
            f"{MOST_WAITING} messages wait in this lane already.",
            param="stream_id",
            code="websocket_lane_full",
        )


class Lane:
    """A lane: one task answers the messages of the lane, and alone begins responses there.

    `words`: of the steers of the running response that were not refused, by their ids.  `chains`:
    see Chains.
    """

    def __init__(self, stream_id: str | None, outbox: Outbox, lanes: "Lanes") -> None:
        self.stream_id = stream_id
        self.job: JobRef | None = None  # the running response
        self.body = ResponseBody()  # of the running response
        self.words: dict[str, SteerInput] = {}
        self.chains: Chains = {}
        self._waiting, self._messages = trio.open_memory_channel[bytes](MOST_WAITING)
        self._due = 0  # messages without the last event of their answer
        self._outbox = outbox
        self._lanes = lanes

    @property
    def is_idle(self) -> bool:
        return self._due == 0

    def hand(self, message: bytes) -> None:
        """Raises LaneFull."""
        try:
            self._waiting.send_nowait(message)
        except trio.WouldBlock:
            raise LaneFull from None
        self._due += 1

    def close(self) -> None:
        """Take no message any more; the lane ends when all are answered."""
        self._waiting.close()

    async def run(self) -> None:
        async for message in self._messages:
            try:
                await pass_guards(message)
                await self._answer(await request_in(message))
            except HANDLED as error:
                await self._outbox.refuse(error, self.stream_id)
            self._due -= 1

    async def _answer(self, body: ResponseBody) -> None:
        """Answer a request, and then each successor for which steers ended the response before."""
        with self._lanes.with_held(body) as request:
            begun = await self._begin(request)
        successor = await self._respond(begun)
        while successor is not None:
            try:
                following = await self._respond(await self._begin(successor.body))
            except HANDLED as error:
                await self._give_back(successor, str(error))
                return
            successor = following

    async def _begin(self, body: ResponseBody) -> Begun:
        chains = self._lanes.chains()
        begun = await begin_response(body, is_bound=True, chains=chains, has_successors=True)
        self.body, self.job, self.words = body, begun.job, {}
        return begun

    async def _respond(self, begun: Begun) -> "_Successor | None":
        try:
            async with awaited(begun.job, is_bound=True):
                await self._outbox.follow(begun.job, self.stream_id, self._steers_replied)
        except (ActorError, StorageError):
            raise Lost from None
        finally:
            self.job = None
        ending = await _ending_of(begun.job)
        if ending is None:
            deleted = _Successor(self.body, begun.job.response_id, self.words)
            await self._give_back(deleted, "The response was deleted.")
            return None
        self.chains = {begun.job.response_id: remembered(begun.ended(ending))}
        return await self._successor(begun, ending)

    async def _steers_replied(self) -> None:
        """Wait until the running response's steers are answered: the last event comes behind."""
        for each in [*self.words.values()]:
            await each.replied.wait()

    async def _successor(self, begun: Begun, ending: AnyEnding) -> "_Successor | None":
        """The response to read the steers that this one did not."""
        if not ending.unread:
            return None
        response_id = begun.job.response_id
        by_route = (SteerInput(each.text, trio.Event()) for each in ending.unread)
        words = {
            each.steer_id: self.words.get(each.steer_id, other)
            for each, other in zip(ending.unread, by_route, strict=True)
        }
        items = [item for each in words.values() for item in each.items]
        next_body = replace(self.body, input=items, previous_response_id=response_id)
        successor = _Successor(next_body, response_id, words)
        if not isinstance(ending, Finished):
            await self._give_back(successor, "The response did not finish.")
        elif required := required_input(begun.outputs(ending)):
            self._lanes.hold(response_id, items)
            for steer_id in words:
                event = pending(steer_id, response_id, required)
                await self._outbox.tell_of_steer(event, self.stream_id)
        else:
            return successor
        return None

    async def _give_back(self, successor: "_Successor", message: str) -> None:
        for steer_id, words in successor.words.items():
            event = failed(
                "successor_creation_failed",
                message,
                words.input,
                successor.previous_response_id,
                steer_id,
            )
            await self._outbox.tell_of_steer(event, self.stream_id)


class _Successor(Struct, frozen=True):
    """A response to begin because of steers, whose `words` are by the ids of the steers."""

    body: ResponseBody
    previous_response_id: str
    words: Mapping[str, SteerInput]


class Lanes:
    """The lanes of a connection, the one used last at the end.

    A lane without work stays, because a request may follow the lane's last response; for a new
    lane, the one that was used least lately goes.
    """

    def __init__(self, nursery: trio.Nursery, outbox: Outbox) -> None:
        self._nursery = nursery
        self._outbox = outbox
        self._lanes: dict[str | None, Lane] = {}
        self._held: dict[str, list[Any]] = {}  # by the ids of the responses

    def hand(self, stream_id: str | None, message: bytes) -> None:
        """Put a message into a lane.

        Raises:
            InvalidField, TooManyLanes, LaneFull
        """
        lane = self._lanes.pop(stream_id, None) or self._new(stream_id)
        self._lanes[stream_id] = lane
        lane.hand(message)

    def _new(self, stream_id: str | None) -> Lane:
        if stream_id is not None and len(stream_id) > LONGEST_NAME:
            found = f"found {len(stream_id)} characters; {LONGEST_NAME} are allowed"
            raise InvalidField("stream_id", found)
        if len(self._lanes) >= MOST_LANES:
            idle = next((each for each in self._lanes.values() if each.is_idle), None)
            if idle is None:
                raise TooManyLanes
            self._lanes.pop(idle.stream_id).close()
        lane = Lane(stream_id, self._outbox, self)
        self._nursery.start_soon(lane.run)
        return lane

    def running(self, response_id: str) -> Lane | None:
        """The lane whose running response has this id."""
        for lane in self._lanes.values():
            if lane.job is not None and lane.job.response_id == response_id:
                return lane
        return None

    def chains(self) -> Chains:
        """The chains that end with the last response of a lane."""
        return {name: chain for lane in self._lanes.values() for name, chain in lane.chains.items()}

    def hold(self, response_id: str, items: list[Any]) -> None:
        """Keep the words of steers for the request that follows the response."""
        self._held[response_id] = items
        while len(self._held) > MOST_LANES:
            del self._held[next(iter(self._held))]

    @contextmanager
    def with_held(self, body: ResponseBody) -> Iterator[ResponseBody]:
        """The request, behind the words of the steers that waited for it.

        The words wait on where the block fails, because then no response has begun with the words.
        """
        response_id = body.previous_response_id or ""
        items = self._held.pop(response_id, [])
        try:
            yield _behind(items, body)
        except HANDLED:
            if items:
                self.hold(response_id, items)
            raise

    def close(self) -> None:
        """Take no message any more."""
        for lane in self._lanes.values():
            lane.close()


async def _ending_of(job: JobRef) -> AnyEnding | None:
    """The ending of a job whose last event was sent; None where the job was deleted since."""
    try:
        return await job.ended()
    except (ActorError, StorageError):
        return None


def _behind(items: Sequence[Any], body: ResponseBody) -> ResponseBody:
    if not items:
        return body
    given = body.input or []
    said = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return replace(body, input=[*items, *said])
