"""Answers questions to a job: at once, or when the job has come to the awaited point."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final, Generic, TypeVar, assert_never

from legato.actors.ending import standing_of
from legato.actors.mailbox import ReplyTo
from legato.actors.messages import (
    AwaitAnswer,
    AwaitEnding,
    AwaitOpened,
    AwaitQueued,
    GetStatus,
    Locate,
    Status,
    Stop,
    StopReply,
    Subscribe,
    WaitingQuestion,
)
from legato.actors.stream.feed import Feed
from legato.events import AnyEnding, Created, Queued, Stopped

_FEW: Final = 16
"""Waiters among whom nobody is looked for that left."""


A = TypeVar("A")


class _Line(Generic[A]):
    """The askers of one kind; askers who left are dropped before the line doubles."""

    def __init__(self) -> None:
        self._waiting: list[ReplyTo[A]] = []
        self._most = _FEW

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_awaited(self) -> bool:
        """Whether an asker is still there."""
        return any(not each.is_left for each in self._waiting)

    def add(self, waiter: ReplyTo[A]) -> None:
        self._waiting.append(waiter)
        if len(self._waiting) > self._most:
            self._waiting = [each for each in self._waiting if not each.is_left]
            self._most = max(_FEW, 2 * len(self._waiting))

    def take(self) -> list[ReplyTo[A]]:
        """Take out all waiters: the caller answers all of them now."""
        waiting, self._waiting = self._waiting, []
        return waiting


class Waiters:
    """The waiting askers of one job, which owns this object.  No method waits.

    Each asker is answered once, as soon as the job comes to the awaited point or to the ending.
    """

    def __init__(self, feed: Feed) -> None:
        # The turn, if its question is stored.
        self.opened: Created | None = None
        # The queued turn as the journal keeps the turn.  A decided job publishes a turn whose write
        # is open, and nobody may hear that such a turn waits.
        self.kept: Queued | None = None
        self._feed = feed
        self._queued = _Line[Queued | Created | AnyEnding]()
        self._opened = _Line[Created | AnyEnding]()
        self._answer = _Line[AnyEnding | None]()
        self._ended = _Line[AnyEnding]()
        self._stops = _Line[StopReply]()
        self._stop_ids: set[str] = set()  # of stops that came before the ending was said
        self._overdue: AnyEnding | None = None

    def __len__(self) -> int:
        return sum(len(line) for line in self._lines)

    @property
    def are_there(self) -> bool:
        """Whether somebody waits who has not left."""
        return any(line.is_awaited for line in self._lines)

    @property
    def _lines(self) -> Sequence[_Line[Any]]:
        return (self._queued, self._opened, self._answer, self._ended, self._stops)

    def answer(self, question: WaitingQuestion, reply_to: ReplyTo[Any]) -> None:
        """Answer, or have the asker wait."""
        match question:
            case Subscribe(dialect, start, sink):
                with closing(reply_to):
                    reply_to.send(self._feed.subscribe(dialect, start, sink))
            case Locate(dialect, place):
                with closing(reply_to):
                    reply_to.send(self._feed.locate(dialect, place))
            case GetStatus():
                with closing(reply_to):
                    reply_to.send(self._status())
            case Stop(stop_id):
                self._stop(stop_id, reply_to)
            case AwaitQueued():
                self._queued.add(reply_to)
            case AwaitOpened():
                self._opened.add(reply_to)
            case AwaitAnswer():
                self._answer.add(reply_to)
            case AwaitEnding():
                self._ended.add(reply_to)
            case _:
                assert_never(question)
        self.announce()
        self._answer_overdue()

    def _stop(self, stop_id: str, reply_to: ReplyTo[StopReply]) -> None:
        """Answer a stop when the ending is said; at once, if the ending is said or overdue."""
        ending = self._feed.ending
        if ending is not None:
            is_first = stop_id in self._stop_ids and isinstance(ending, Stopped)
            reply_to.send(StopReply(ending, not is_first, self._feed.cursor))
            return
        if stop_id:
            self._stop_ids.add(stop_id)
        self._stops.add(reply_to)

    def announce(self) -> None:
        """Answer the askers whose awaited point has come."""
        # Every token comes by here, and nearly always nobody waits.
        ending = self._feed.ending
        if self._queued and (news := ending or self.opened or self.kept):
            self._tell_queued(news)
        if self._opened and (first := self.opened or ending):
            self._tell_opened(first)
        if self._answer and (self._feed.has_content or ending):
            for each in self._answer.take():
                each.send(None if self._feed.has_content else ending)
        if ending is not None:
            for waiter in self._ended.take():
                waiter.send(ending)
            self._answer_stops(ending)

    def _tell_queued(self, news: Created | Queued | AnyEnding) -> None:
        for each in self._queued.take():
            each.send(news)

    def _tell_opened(self, news: Created | AnyEnding) -> None:
        for each in self._opened.take():
            each.send(news)

    def hurry(self, ending: AnyEnding) -> None:
        """Answer all who wait for a stop or a start, now and from now on, with this ending."""
        self._overdue = ending
        self._answer_overdue()

    def _answer_overdue(self) -> None:
        if (ending := self._overdue) is not None:
            self._tell_queued(ending)
            self._tell_opened(ending)
            self._answer_stops(ending)

    def _answer_stops(self, ending: AnyEnding) -> None:
        already_ended = not isinstance(ending, Stopped)
        for stop in self._stops.take():
            stop.send(StopReply(ending, already_ended, self._feed.cursor))

    def close(self) -> None:
        """Tell everybody that there is nothing more to tell."""
        for line in self._lines:
            for each in line.take():
                each.close()

    def _status(self) -> Status:
        feed = self._feed
        snapshot = feed.snapshot()
        standing = standing_of(feed.ending, is_asking=bool(snapshot.open_asks))
        return Status(standing, snapshot, feed.cursor, feed.ending)
