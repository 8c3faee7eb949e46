"""One job's questions about the waiting turn.

Rules:

1. The job owns this object.  The job's recorder takes the changes, one after another, and nobody
   else changes a waiting turn.  No method of the job's side waits.
2. A change is answered when the log has the change, and the log has the change once the journal
   has it.  So what was answered outlives the process.
3. A change is looked up by id in the log before anything is done: the second answer is the first.
4. Once the recorder is `over`, the turn begins or ends, and every further change is refused.
"""

from collections import deque
from collections.abc import Iterator
from itertools import takewhile
from typing import Final, Literal, assert_never

import trio

from legato.actors.ending import standing_of
from legato.actors.lifecycle import Lifecycle, State
from legato.actors.mailbox import ReplyTo
from legato.actors.messages import StopReply
from legato.actors.queue.changes import Change, change_of
from legato.actors.queue.questions import (
    MOST_CHANGES,
    EditWaiting,
    GetWaiting,
    MoveToFront,
    NotWaiting,
    Waiting,
)
from legato.actors.stream.feed import Feed
from legato.events import Queued, Stopped

CANCELLED: Final = "cancel"
"""The id of every stop that cancels a waiting turn: to repeat the question changes nothing."""

_Answer = ReplyTo[Waiting | NotWaiting]


class WaitingTurn:
    """The rules are at the top of this file."""

    def __init__(self, feed: Feed, lifecycle: Lifecycle, *, is_promised: bool = False) -> None:
        """`is_promised`: the log of another job has the turn, which asks a steer's words."""
        self.is_over = False
        self._is_promised = is_promised
        self._lifecycle = lifecycle
        self._is_cancelled = False
        self._feed = feed
        self._asked: deque[tuple[Change, _Answer]] = deque()
        self._news = trio.Event()

    # For everybody.

    @property
    def is_kept(self) -> bool:
        """Whether the turn is kept, and not opened yet: any later owner may ask the model.

        A later owner also stores the question of a turn that begins just now: to store a question
        twice is to store it once.
        """
        is_kept = self._is_promised or self._feed.queued is not None
        return self._lifecycle.state is State.OPENING and is_kept

    @property
    def may_change(self) -> bool:
        """Whether the turn is kept as queued, and its place in the queue has not come."""
        return self.is_kept and self._feed.queued is not None and not self.is_over

    # For the job.

    def answer(self, question: GetWaiting | Change, reply_to: _Answer) -> None:
        """Answer at once, or, where the turn may change, have the recorder make the change."""
        match question:
            case GetWaiting():
                reply_to.send(self._waiting() if self.may_change else self._refusal())
            case MoveToFront() | EditWaiting():
                if (said := self._said(question)) is not None:
                    reply_to.send(said)
                elif not self.may_change:
                    reply_to.send(self._refusal())
                else:
                    self._ask(question, reply_to)
            case _:
                assert_never(question)

    def cancels(self, reply_to: ReplyTo[StopReply | NotWaiting]) -> bool:
        """Whether the job is to stop, and to answer; refuse where the turn has begun.

        A job that stopped before the turn began stops once more, to have the same answer.
        """
        is_stopped = isinstance(self._feed.ending, Stopped) and self._feed.created is None
        self._is_cancelled |= self.may_change or is_stopped
        if not self._is_cancelled:
            reply_to.send(self._refusal())
        return self._is_cancelled

    def _ask(self, change: Change, reply_to: _Answer) -> None:
        made = sum(1 for _ in self._changes()) - 1
        if made + len(self._asked) >= MOST_CHANGES:
            reply_to.send(NotWaiting(standing_of(None), self._feed.cursor, "too_many"))
            return
        self._asked.append((change, reply_to))
        self._news.set()

    def published(self, event: Queued) -> None:
        """Answer the question that `event` came of, and repetitions of the question."""
        if event.change is None:
            return
        _, reply_to = self._asked.popleft()
        reply_to.send(self._waiting())
        while self._asked and (said := self._said(self._asked[0][0])) is not None:
            self._asked.popleft()[1].send(said)

    def close(self) -> None:
        """Leave all questions unanswered: another process may have the job, and the answers."""
        while self._asked:
            self._asked.popleft()[1].close()

    # For the recorder: see TurnChanges.

    @property
    def change(self) -> Change | None:
        return self._asked[0][0] if self._asked else None

    async def asked(self) -> None:
        while not self._asked:
            self._news = trio.Event()
            await self._news.wait()

    def refuse(self, reason: Literal["not_waiting", "unavailable"]) -> None:
        _, reply_to = self._asked.popleft()
        reply_to.send(NotWaiting(standing_of(None), self._feed.cursor, reason))

    def end(self) -> None:
        self.is_over = True
        while self._asked:
            self._asked.popleft()[1].send(self._refusal())

    # What the log says.

    def _waiting(self) -> Waiting:
        assert self._feed.queued is not None, "it waits"
        return self._as_of(self._feed.queued, self._feed.log.tail)

    def _as_of(self, event: Queued, seq: int) -> Waiting:
        turn = event.turn
        return Waiting(turn.text, turn.rank, self._feed.cursor_of(seq), turn.request_id)

    def _refusal(self) -> NotWaiting:
        return NotWaiting(standing_of(self._feed.ending), self._feed.cursor)

    def _said(self, change: Change) -> Waiting | NotWaiting | None:
        """The answer that a change of this id had; None where there was no such change."""
        for seq, event in self._changes() if change.id else ():
            if event.change is not None and event.change.id == change.id:
                if _is_same(change, event):
                    return self._as_of(event, seq)
                return NotWaiting(standing_of(self._feed.ending), self._feed.cursor, "reused")
        return None

    def _changes(self) -> Iterator[tuple[int, Queued]]:
        """The log's first events, by their positions: the turn as queued, then as changed."""
        log = self._feed.log
        events = takewhile(lambda each: isinstance(each, Queued), log.events(0, log.tail))
        return ((seq, each) for seq, each in enumerate(events, 1) if isinstance(each, Queued))


def _is_same(change: Change, event: Queued) -> bool:
    is_text = isinstance(change, MoveToFront) or change.text == event.turn.text
    return is_text and event.change == change_of(change)
