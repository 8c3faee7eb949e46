"""Words and answers from outside for a running job, and the replies to them.

Each is answered once it is durable, and a repetition has the same reply.
"""

from typing import Literal

from msgspec import Struct

from legato.actors.question import Question
from legato.events import Answered, AnyEnding, Cursor, SteerOutcome, SteerTaken


class SteerReceipt(Struct, frozen=True, tag=True):
    """A steer, as the job's log has it up to `cursor`.

    `outcome` is None while the steer waits for a model call; then `position` is the place among
    the waiting steers, from 1, else 0.  `outcome_at` is the outcome's own place.
    """

    steer: SteerTaken
    position: int
    cursor: Cursor
    outcome: SteerOutcome | None = None
    outcome_at: Cursor | None = None


class AnswerReceipt(Struct, frozen=True, tag=True):
    """The answer that an ask has, and `cursor`, up to which the reply is true."""

    answered: Answered
    cursor: Cursor


Reason = Literal[
    "not_begun",
    "ended",
    "too_many_steers",
    "too_many_receipts",
    "other_text",
    "unknown_steer",
    "unknown_ask",
    "not_allowed",
    "answered",
    "expired",
    "storage_unavailable",
]


class Rejected(Struct, frozen=True, tag=True):
    """A steer or an answer that the job does not take.  `cursor`: where the reply is true.

    `winner` is the answer that the ask has already, `ending` the job's, once it is said.
    """

    reason: Reason
    message: str
    cursor: Cursor
    winner: Answered | None = None
    ending: AnyEnding | None = None


class NextTurn(Struct, frozen=True):
    """The ids of the turn that a steer becomes if no model reads it."""

    job_id: str
    message_id: str
    response_id: str


class Steer(Question[SteerReceipt | Rejected], frozen=True):
    """From anyone allowed: words for the next model call.  Answered once the steer is durable.

    `steer_id` names the steer if it is new.  A second steer with the same `client_id` is the first,
    asked again because the reply was lost; with `preempt` it makes the first a preempting one.
    `at`: milliseconds since 1970.  `next_turn`: None where unread words come back to the caller.
    """

    steer_id: str
    text: str
    at: int
    client_id: str = ""
    preempt: bool = False
    next_turn: NextTurn | None = None


class CancelSteer(Question[SteerReceipt | Rejected], frozen=True):
    """From anyone allowed: take a waiting steer back.  `steer_id`: ours, or the caller's own."""

    steer_id: str


class FindSteer(Question[SteerReceipt | Rejected], frozen=True):
    """Answered at once: what became of a steer.  `steer_id`: ours, or the caller's own."""

    steer_id: str


class AnswerAsk(Question[AnswerReceipt | Rejected], frozen=True):
    """From anyone allowed: the answer to an ask.  Answered once the answer is durable.

    The first answer wins.  The same answer again has the same reply.  `at`: milliseconds since
    1970.
    """

    answered: Answered
    at: int


Interjection = Steer | CancelSteer | FindSteer | AnswerAsk
Receipt = SteerReceipt | AnswerReceipt | Rejected
