"""Who waits for a job is answered once, when it has come so far."""

from typing import TypeVar

import trio

from legato.actors.mailbox import ActorError, ReplyTo
from legato.actors.messages import AwaitEnding, Stop, StopReply
from legato.actors.waiting import Waiting
from legato.events import AnyEnding, Finished, Stopped

T = TypeVar("T")


def asked() -> tuple[ReplyTo[T], trio.MemoryReceiveChannel[T | ActorError]]:
    send, receive = trio.open_memory_channel[T | ActorError](1)
    return ReplyTo(send), receive


async def test_in_a_hurry_only_those_who_stop_are_answered() -> None:
    waiting = Waiting()
    stop: tuple[ReplyTo[StopReply], trio.MemoryReceiveChannel[StopReply | ActorError]] = asked()
    end: tuple[ReplyTo[AnyEnding], trio.MemoryReceiveChannel[AnyEnding | ActorError]] = asked()
    waiting.add(AwaitEnding(end[0]))
    waiting.add(Stop(stop[0]))
    waiting.hurry(Stopped(unsaved=True))
    assert stop[1].receive_nowait() == StopReply(Stopped(unsaved=True), settled=False)
    assert waiting
    waiting.announce(None, Finished(), has_content=False)
    assert end[1].receive_nowait() == Finished()
    assert not waiting
