"""Who follows a job, and who waits for it to come so far."""

from collections.abc import Mapping
from contextlib import closing
from typing import assert_never

from legato.actors.ending import standing_of
from legato.actors.feed import Feed
from legato.actors.messages import (
    AwaitAnswer,
    AwaitEnding,
    AwaitOpened,
    GetStatus,
    Locate,
    Question,
    Status,
    Stop,
    Subscribe,
)
from legato.actors.waiting import Waiting
from legato.dialects.contract import Dialect, Identity
from legato.events import AnyEnding, Created


class Audience:
    """Owned by one job, which tells it what there is to tell.  No method waits."""

    def __init__(
        self, identity: Identity, dialects: Mapping[str, Dialect], former: Mapping[int, int] | None
    ) -> None:
        """`former`: see Feed."""
        self.feed = Feed(identity, dialects, former)
        self.opened: Created | None = None  # once its question is stored
        self._waiting = Waiting()

    def answer(self, question: Question) -> None:
        match question:
            case Subscribe(dialect, start, sink, reply_to):
                with closing(reply_to):
                    reply_to.send(self.feed.subscribe(dialect, start, sink))
            case Locate(dialect, place, reply_to):
                with closing(reply_to):
                    reply_to.send(self.feed.locate(dialect, place))
            case AwaitOpened() | AwaitAnswer() | AwaitEnding():
                self.wait(question)
            case GetStatus(reply_to):
                with closing(reply_to):
                    reply_to.send(self._status())
            case _:
                assert_never(question)

    def wait(self, awaiting: AwaitOpened | AwaitAnswer | AwaitEnding | Stop) -> None:
        self._waiting.add(awaiting)
        self.announce()

    def announce(self) -> None:
        """Answer who waited for what is now."""
        if self._waiting:
            feed = self.feed
            self._waiting.announce(self.opened, feed.ending, has_content=feed.has_content)

    def hurry(self, ending: AnyEnding) -> None:
        """See Waiting."""
        self._waiting.hurry(ending)

    def close(self) -> None:
        """There is nothing more to tell."""
        self.feed.close()
        self._waiting.close()

    def _status(self) -> Status:
        feed = self.feed
        return Status(standing_of(feed.ending), feed.snapshot(), feed.epoch, feed.ending)
