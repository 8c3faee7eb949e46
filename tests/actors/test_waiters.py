"""Each waiter of a job is answered once, when the job has come to the awaited point."""

from typing import Any

import pytest
import trio

from legato.actors.mailbox import ReplyTo
from legato.actors.messages import AwaitEnding, Stop, StopReply
from legato.actors.stream.feed import Feed
from legato.actors.waiters import Waiters
from legato.dialects.contract import Identity
from legato.events import AnyEnding, Cursor, Finished, Stopped


def asked(kind: Any) -> tuple[ReplyTo[Any], trio.MemoryReceiveChannel[Any]]:
    """Make a reply address for answers of `kind`, and the asker's end."""
    send, receive = trio.open_memory_channel[Any](1)
    return ReplyTo(send), receive


@pytest.fixture
def waiters() -> Waiters:
    return Waiters(Feed(Identity("j", 1, "c", "a"), {}))


async def test_in_a_hurry_only_those_who_stop_are_answered(waiters: Waiters) -> None:
    stop, end = asked(StopReply), asked(AnyEnding)
    waiters.answer(AwaitEnding(), end[0])
    waiters.answer(Stop(), stop[0])
    waiters.hurry(Stopped(unsaved=True))
    assert stop[1].receive_nowait() == StopReply(Stopped(unsaved=True), False, Cursor("j", 1, 0))
    assert len(waiters) == 1
    waiters._feed.append(Finished())
    waiters.announce()
    assert end[1].receive_nowait() == Finished()
    assert len(waiters) == 0


async def test_who_stops_when_the_ending_is_overdue_waits_no_longer_than_the_first(
    waiters: Waiters,
) -> None:
    waiters.hurry(Stopped(unsaved=True))
    stop = asked(StopReply)
    waiters.answer(Stop(), stop[0])
    assert stop[1].receive_nowait().ending == Stopped(unsaved=True)


async def test_the_same_stop_again_has_the_same_answer(waiters: Waiters) -> None:
    first, again, other = asked(StopReply), asked(StopReply), asked(StopReply)
    waiters.answer(Stop("s"), first[0])
    waiters._feed.append(Stopped())
    waiters.announce()
    waiters.answer(Stop("s"), again[0])
    waiters.answer(Stop("t"), other[0])
    assert first[1].receive_nowait() == again[1].receive_nowait()
    assert other[1].receive_nowait().already_ended


async def test_who_asked_and_left_is_not_kept_to_the_end(waiters: Waiters) -> None:
    for _ in range(200):
        send, receive = asked(AnyEnding)
        waiters.answer(AwaitEnding(), send)
        receive.close()
    assert len(waiters) < 50
