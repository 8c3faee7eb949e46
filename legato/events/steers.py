"""Words for a running job, and what becomes of them.  Pure.

A steer is taken.  Then one model call reads the words, and the steer is applied; or the steer is
returned.
"""

from typing import Literal

from msgspec import UNSET

from legato.content import SteerPart
from legato.events.event import BARE, Event, Origin
from legato.requests import TurnRequest


class SteerTaken(Event, frozen=True, kw_only=True):
    """Words for this job: owned, and not yet read by a model.

    `client_id` is the caller's own name for the steer.  `preempt`: a running model call is to end
    for these words.  `at`: milliseconds since 1970.  `next_turn`: the turn that the words become
    where the job ends before a model reads them, unless somebody stops the job.  A second one with
    the same `steer_id` only makes the steer a preempting one.
    """

    steer_id: str
    text: str
    at: int
    client_id: str = ""
    preempt: bool = False
    next_turn: TurnRequest | None = None

    def returned(self, why: Literal["finished", "stopped", "failed"]) -> "SteerReturned":
        """The outcome of the waiting steer where the job ends in this way."""
        if self.next_turn is None or why == "stopped":
            return SteerReturned(self.steer_id, why)
        return SteerReturned(self.steer_id, "enqueued", self.next_turn.job_id)

    @property
    def part(self) -> SteerPart:
        """The words in the answer's content."""
        return SteerPart(
            steer=self.text,
            steer_id=self.steer_id,
            client_steer_id=self.client_id or UNSET,
            created_at=self.at,
        )


class SteerApplied(Event, frozen=True):
    """The model call of `origin` reads the steer, which is the `part` at `index` of the answer."""

    part: SteerPart
    index: int
    origin: Origin = BARE


class SteerReturned(Event, frozen=True):
    """No model reads the steer.  `why`: somebody cancelled it, or how the job ended.

    `enqueued`: the words are the text of a turn of their own, in the job `next_id`.
    """

    steer_id: str
    why: Literal["cancelled", "finished", "stopped", "failed", "enqueued"]
    next_id: str = ""


SteerOutcome = SteerApplied | SteerReturned
