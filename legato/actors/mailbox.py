"""The only file to open a message channel: mailboxes, references to actors, reply addresses."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Generic, TypeVar

import trio

M = TypeVar("M")
T = TypeVar("T")


class ActorError(Exception):
    """A refusal: goes to the asker and harms nobody else."""


class ActorStopped(ActorError):
    """The actor is gone, or went before the answer."""


class ReplyTo(Generic[T]):
    """The address for the answer to one question.  Closed unanswered, the actor has stopped."""

    def __init__(self, channel: trio.MemorySendChannel[T | ActorError]) -> None:
        self._channel = channel

    @property
    def is_left(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._channel.statistics().open_receive_channels == 0

    def send(self, answer: T | ActorError) -> None:
        with closing(self), suppress(trio.BrokenResourceError):  # the asker may have left
            self._channel.send_nowait(answer)

    def close(self) -> None:
        self._channel.close()


class ActorRef(Generic[M]):
    """A reference to an actor: a way to put a message into the actor's hands."""

    def __init__(self, channel: trio.MemorySendChannel[M]) -> None:
        self._channel = channel

    async def tell(self, message: M) -> None:
        """Return once the actor has the message.

        Raises:
            ActorStopped: if the actor went before taking the message.
        """
        try:
            await self._channel.send(message)
        except trio.BrokenResourceError:
            raise ActorStopped from None

    async def ask(self, question: Callable[[ReplyTo[T]], M]) -> T:
        """Tell the actor `question(reply_to)` and wait for the answer.

        Raises:
            ActorStopped: if the actor went, before or after the question was taken.
            ActorError: as the actor refuses.
        """
        # Capacity 1: the actor answers without waiting, whether or not anyone still listens.
        send, receive = trio.open_memory_channel[T | ActorError](1)
        with receive:
            await self.tell(question(ReplyTo(send)))
            try:
                answer = await receive.receive()
            except trio.EndOfChannel:
                raise ActorStopped from None
        if isinstance(answer, ActorError):
            raise answer
        return answer


class Mailbox(Generic[M]):
    """An actor's inbox.

    Its capacity is 0: a message is either in the actor's hands or still with its sender.  With a
    buffer, a question queued when the actor dies would wait for ever.
    """

    def __init__(self) -> None:
        send, self._channel = trio.open_memory_channel[M](0)
        self.ref = ActorRef(send)

    def close(self) -> None:
        """The actor is gone: nobody waits for it any longer."""
        self._channel.close()

    async def receive(self) -> M:
        return await self._channel.receive()

    def waiting(self) -> Iterator[M]:
        """Take the messages of all senders waiting right now, one at a time; none once closed."""
        with suppress(trio.WouldBlock, trio.ClosedResourceError):
            while True:
                yield self._channel.receive_nowait()
