"""The only file that opens a message channel: mailboxes, references to actors, reply addresses."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from typing import Generic, TypeVar

import trio
from outcome import Error, Value
from trio.lowlevel import (
    Abort,
    Task,
    checkpoint,
    current_task,
    reschedule,
    wait_task_rescheduled,
)

M = TypeVar("M")
T = TypeVar("T")


class ActorError(Exception):
    """A refusal: it travels to the asker and harms nobody else."""


class ActorStopped(ActorError):
    """The actor is gone, or went before it answered."""


class ReplyTo(Generic[T]):
    """Where the answer to one question goes.  Closing it unanswered says that the actor stopped."""

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
    """What others hold of an actor: a way to put a message into its hands."""

    def __init__(self, mailbox: "Mailbox[M]") -> None:
        self._mailbox = mailbox

    async def tell(self, message: M) -> None:
        """Return once the actor has the message; at once, where it waits for one.

        Raises:
            ActorStopped: if it will never have it.
        """
        if not self._mailbox.hand_over(message):
            await self._mailbox.wait_in_line(message)

    async def ask(self, question: Callable[[ReplyTo[T]], M]) -> T:
        """Tell the actor `question(reply_to)` and wait for the answer.

        Raises:
            ActorStopped: if the actor went, before or after it had the question.
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

    It is a rendezvous of two tasks and nothing else: a memory channel does it too, but takes half
    as long again, and every token of every generation comes through here.
    """

    def __init__(self) -> None:
        self._actor: Task | None = None  # where it waits for a message
        self._line: dict[Task, M] = {}  # of senders who wait, and what they bring
        self._closed = False
        self.ref = ActorRef(self)

    def close(self) -> None:
        """The actor is gone: nobody waits for it any longer."""
        self._closed = True
        line, self._line = self._line, {}
        for sender in line:
            reschedule(sender, Error(ActorStopped()))

    async def receive(self) -> M:
        while self._line:
            await checkpoint()  # or an actor that always has mail would let nobody else run
            for message in self.waiting():
                return message
        self._actor = current_task()
        handed: M = await wait_task_rescheduled(self._leave)
        return handed

    def waiting(self) -> Iterator[M]:
        """The messages whose senders wait right now, one at a time."""
        while self._line:
            sender = next(iter(self._line))
            reschedule(sender)
            yield self._line.pop(sender)

    def hand_over(self, message: M) -> bool:
        """Whether the actor waits for a message, and so has this one now.

        Raises:
            ActorStopped: if it will never wait for one again.
        """
        if self._closed:
            raise ActorStopped
        if self._actor is None:
            return False
        reschedule(self._actor, Value(message))
        self._actor = None
        return True

    async def wait_in_line(self, message: M) -> None:
        """Return once the actor took the message.

        Raises:
            ActorStopped: if it never will.
        """
        sender = current_task()
        self._line[sender] = message
        await wait_task_rescheduled(partial(self._leave_line, sender))

    def _leave(self, _: object) -> Abort:
        self._actor = None
        return Abort.SUCCEEDED

    def _leave_line(self, sender: Task, _: object) -> Abort:
        del self._line[sender]
        return Abort.SUCCEEDED
