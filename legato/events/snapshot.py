"""A job's state at a position of the log.  Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from legato.content import Part
from legato.events.asks import Answered, Asked
from legato.events.generation import Created, ModelCallEnded, StepStarted
from legato.events.steers import SteerOutcome, SteerReturned, SteerTaken
from legato.requests import TurnRequest


class Snapshot(NamedTuple):
    """A job's state at `seq`: what the events 1..seq fold to.

    `steers` and `asks` are in the order in which they came; the outcomes and answers are by id.
    """

    seq: int
    created: Created | None
    steps: tuple[StepStarted, ...]
    content: tuple[Part, ...]
    calls: tuple[ModelCallEnded, ...] = ()
    steers: tuple[SteerTaken, ...] = ()
    outcomes: Mapping[str, SteerOutcome] = {}
    asks: tuple[Asked, ...] = ()
    answers: Mapping[str, Answered] = {}

    @property
    def unread(self) -> tuple[SteerTaken, ...]:
        """The steers that no model read; also those that were returned when the job ended."""
        return tuple(each for each in self.steers if self._is_unread(each))

    @property
    def next_turns(self) -> tuple[TurnRequest, ...]:
        """The turns that unread steers have become, in the order in which the steers came."""
        enqueued = [
            each.next_turn
            for each in self.steers
            if isinstance(outcome := self.outcomes.get(each.steer_id), SteerReturned)
            and outcome.why == "enqueued"
        ]
        return tuple(turn for turn in enqueued if turn is not None)

    @property
    def waiting_steers(self) -> tuple[SteerTaken, ...]:
        """The steers that the next model call is to read."""
        return tuple(each for each in self.steers if each.steer_id not in self.outcomes)

    @property
    def open_asks(self) -> tuple[Asked, ...]:
        """The asks without an answer, in the order of the tool calls."""
        unanswered = [each for each in self.asks if each.ask_id not in self.answers]
        return tuple(sorted(unanswered, key=lambda ask: ask.index))

    @property
    def ends_for_steers(self) -> bool:
        """Whether a steer waits that a next response is to read: see ApiRequest."""
        asked = self.created.api_request if self.created else None
        return asked is not None and asked.has_successors and bool(self.waiting_steers)

    def _is_unread(self, steer: SteerTaken) -> bool:
        outcome = self.outcomes.get(steer.steer_id)
        if isinstance(outcome, SteerReturned):
            return outcome.why not in ("cancelled", "enqueued")
        return outcome is None and steer.next_turn is None  # a process that died returns the rest
