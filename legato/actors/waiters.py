"""Answers questions to a job: at once, or when the job has come so far."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final, Generic, TypeVar, assert_never

from legato.actors.ending import standing_of
from legato.actors.messages import (
    AwaitAnswer,
    AwaitEnding,
    Awaiting,
    AwaitOpened,
    AwaitQueued,
    GetStatus,
    Locate,
    Question,
    Status,
    Stop,
    StopReply,
    Subscribe,
)
from legato.actors.stream.feed import Feed
from legato.events import AnyEnding, Created, Queued, Stopped

FEW: Final = 16
"""Waiters among whom nobody is looked for that left."""


W = TypeVar("W", bound=Awaiting)


class Line(Generic[W]):
    """Those who wait for the same thing; who left is dropped before the line doubles."""

    def __init__(self) -> None:
        self._waiting: list[W] = []
        self._most = FEW

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiter: W) -> None:
        self._waiting.append(waiter)
        if len(self._waiting) > self._most:
            self._waiting = [each for each in self._waiting if not each.reply_to.is_left]
            self._most = max(FEW, 2 * len(self._waiting))

    def take(self) -> list[W]:
        """All of them: they are answered now."""
        waiting, self._waiting = self._waiting, []
        return waiting


class Waiters:
    """Owned by one job, which tells it what there is to tell.  No method waits.

    Each is answered once, as soon as the job has come so far or to its ending.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._queued = Line[AwaitQueued]()
        self._opened = Line[AwaitOpened]()
        self._answer = Line[AwaitAnswer]()
        self._ended = Line[AwaitEnding]()
        self._stops = Line[Stop]()
        self._stop_ids: set[str] = set()  # of those that came before the ending was said
        self._overdue: AnyEnding | None = None

    def __len__(self) -> int:
        return sum(len(line) for line in self._lines)

    @property
    def _lines(self) -> Sequence[Line[Any]]:
        return (self._queued, self._opened, self._answer, self._ended, self._stops)

    def answer(self, question: Question, opened: Created | None) -> None:
        """`opened`: what was said of the turn, once its question is stored."""
        match question:
            case Subscribe(dialect, start, sink, reply_to):
                with closing(reply_to):
                    reply_to.send(self._feed.subscribe(dialect, start, sink))
            case Locate(dialect, place, reply_to):
                with closing(reply_to):
                    reply_to.send(self._feed.locate(dialect, place))
            case GetStatus(reply_to):
                with closing(reply_to):
                    reply_to.send(self._status())
            case AwaitQueued() | AwaitOpened() | AwaitAnswer() | AwaitEnding():
                self._add(question)
                self.announce(opened)
                self._answer_overdue()
            case _:
                assert_never(question)

    def _add(self, awaiting: AwaitQueued | AwaitOpened | AwaitAnswer | AwaitEnding) -> None:
        match awaiting:
            case AwaitQueued():
                self._queued.add(awaiting)
            case AwaitOpened():
                self._opened.add(awaiting)
            case AwaitAnswer():
                self._answer.add(awaiting)
            case AwaitEnding():
                self._ended.add(awaiting)
            case _:
                assert_never(awaiting)

    def stop(self, stop: Stop) -> None:
        """A stop is answered when the ending is said; at once, where that is long in coming."""
        ending = self._feed.ending
        if ending is not None:
            is_first = stop.id in self._stop_ids and isinstance(ending, Stopped)
            stop.reply_to.send(StopReply(ending, not is_first, self._feed.cursor))
            return
        if stop.id:
            self._stop_ids.add(stop.id)
        self._stops.add(stop)
        self._answer_overdue()

    def announce(self, opened: Created | None) -> None:
        """Answer who waited for what is now."""
        # Every token comes by here, and nearly always nobody waits.
        ending = self._feed.ending
        if self._queued and (news := ending or opened or self._feed.queued):
            self._tell_queued(news)
        if self._opened and (first := opened or ending):
            self._tell_opened(first)
        if self._answer and (self._feed.has_content or ending):
            for each in self._answer.take():
                each.reply_to.send(None if self._feed.has_content else ending)
        if ending is not None:
            for waiter in self._ended.take():
                waiter.reply_to.send(ending)
            self._answer_stops(ending)

    def _tell_queued(self, news: Created | Queued | AnyEnding) -> None:
        for each in self._queued.take():
            each.reply_to.send(news)

    def _tell_opened(self, news: Created | AnyEnding) -> None:
        for each in self._opened.take():
            each.reply_to.send(news)

    def hurry(self, ending: AnyEnding) -> None:
        """Answer those who asked for a stop or wait for a start, and those who will: the ending
        will be this one."""
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
            stop.reply_to.send(StopReply(ending, already_ended, self._feed.cursor))

    def close(self) -> None:
        """Tell everybody that there is nothing more to tell."""
        for line in self._lines:
            for each in line.take():
                each.reply_to.close()

    def _status(self) -> Status:
        feed = self._feed
        return Status(standing_of(feed.ending), feed.snapshot(), feed.cursor, feed.ending)
