"""A job from outside: the questions to ask of a job, wherever the job runs."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar, cast

import trio
from ulid import ULID

from legato.actors.conversation.turn import Turn
from legato.actors.mailbox import ActorRef, ActorStopped
from legato.actors.messages import (
    AnyQuestion,
    Ask,
    AwaitAnswer,
    AwaitEnding,
    AwaitOpened,
    AwaitQueued,
    Fail,
    Failure,
    GetStatus,
    JobMessage,
    Locate,
    Status,
    Stop,
    StopReply,
    Subscribe,
)
from legato.actors.question import Question
from legato.actors.queue.questions import (
    CancelWaiting,
    EditWaiting,
    GetWaiting,
    MoveToFront,
    NotWaiting,
    Waiting,
)
from legato.actors.stream.places import Located, Start
from legato.actors.stream.sinks import Sink
from legato.events import AnyEnding, Created, Cursor, Queued

A = TypeVar("A")


class JobRef(ABC):
    """A job from outside.

    Every method raises ActorStopped once the job has left, and StorageError where the job is parked
    and its journal cannot be read now.
    """

    job_id: str
    conversation_id: str
    user: str
    message_id: str
    response_id: str

    @property
    def created_at(self) -> int:
        return time_of(self.job_id)

    @abstractmethod
    async def ask(self, question: Question[A]) -> A:
        """Any question but Subscribe."""

    @abstractmethod
    async def subscribe(self, dialect: str, start: Start, sink: Sink) -> None:
        """See `Feed.subscribe`."""

    async def queued(self) -> Queued | Created | AnyEnding:
        """Wait until the turn is kept, or stored; return the ending, if an ending came first."""
        return await self.ask(AwaitQueued())

    async def opened(self) -> Created | AnyEnding:
        """Wait until the turn is stored; return the ending, if an ending came first."""
        return await self.ask(AwaitOpened())

    async def answering(self) -> AnyEnding | None:
        """Wait until the model has said something; return the ending, if an ending came first."""
        return await self.ask(AwaitAnswer())

    async def ended(self) -> AnyEnding:
        """Wait for the job's ending."""
        return await self.ask(AwaitEnding())

    async def stop(self) -> StopReply:
        """End the job.  On return the provider is closed, the answer stored, the ending said."""
        return await self.ask(Stop())

    async def locate(self, dialect: str, place: Cursor | int) -> Located:
        """Ask for the position from which to go on after `place`; see Locate.

        Raises:
            OutOfReach, UnknownDialect
        """
        return await self.ask(Locate(dialect, place))

    async def status(self) -> Status:
        return await self.ask(GetStatus())

    async def waiting(self) -> Waiting | NotWaiting:
        """The turn as it waits for the turns before."""
        return await self.ask(GetWaiting())

    async def move_to_front(self, change_id: str = "") -> Waiting | NotWaiting:
        """Have the waiting turn begin before all others that wait; see MoveToFront."""
        return await self.ask(MoveToFront(change_id))

    async def edit(self, text: str, change_id: str = "") -> Waiting | NotWaiting:
        """Have the waiting turn ask `text` instead."""
        return await self.ask(EditWaiting(text, change_id))

    async def cancel(self) -> StopReply | NotWaiting:
        """End the job, unless the turn has begun."""
        return cast("StopReply | NotWaiting", await self.ask(CancelWaiting()))


def time_of(job_id: str) -> int:
    """The moment of a job's start, in milliseconds since 1970, read from the ULID."""
    return ULID.from_str(job_id).milliseconds


Find = Callable[[str], Awaitable["LocalRef | None"]]
"""Finds a job by its id, waking a parked one; None where the job has left.

Raises StorageError where the journal of a parked job cannot be read now.
"""


async def nowhere(job_id: str) -> None:
    """Find nothing: the job is not parked, and has no other address."""
    await trio.lowlevel.checkpoint()


class LocalRef(JobRef):
    """A job of this process.  A job that was parked meanwhile is woken, and asked again."""

    def __init__(
        self,
        actor: ActorRef[JobMessage],
        turn: Turn,
        epoch: int,
        previous_epochs: Mapping[int, int] | None = None,
        find: Find = nowhere,
    ) -> None:
        """`previous_epochs`: see Feed."""
        self._actor = actor
        self._find = find
        self.previous_epochs = previous_epochs or {}
        self.job_id = turn.job_id
        self.epoch = epoch
        self.conversation_id = turn.conversation_id
        self.user = turn.user
        self.message_id = turn.message_id
        self.response_id = turn.response_id

    async def ask(self, question: Question[A]) -> A:
        known = cast("AnyQuestion", question)  # the union of all questions
        with suppress(ActorStopped):
            return await self._actor.ask(lambda reply_to: Ask(known, reply_to))
        found = await self._find(self.job_id)
        if found is None or found is self:
            raise ActorStopped
        return await found.ask(question)

    async def subscribe(self, dialect: str, start: Start, sink: Sink) -> None:
        await self.ask(Subscribe(dialect, start, sink))

    async def fail(self, failure: Failure) -> None:
        """Have the job end with `failure`, unless an outcome is decided already."""
        await self._actor.tell(Fail(failure))


class ParkedRef(JobRef):
    """A parked job of this process, which any question wakes."""

    def __init__(self, turn: Turn, find: Find) -> None:
        self._find = find
        self.job_id = turn.job_id
        self.conversation_id = turn.conversation_id
        self.user = turn.user
        self.message_id = turn.message_id
        self.response_id = turn.response_id

    async def ask(self, question: Question[A]) -> A:
        found = await self._find(self.job_id)
        if found is None:
            raise ActorStopped
        return await found.ask(question)

    async def subscribe(self, dialect: str, start: Start, sink: Sink) -> None:
        await self.ask(Subscribe(dialect, start, sink))
