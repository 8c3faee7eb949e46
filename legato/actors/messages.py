"""Every cause for a step of a job: a closed union of frozen structs without behaviour.

All of them come by the mailbox, except the producer's.
"""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from legato.actors.mailbox import ReplyTo
from legato.actors.question import Question
from legato.actors.queue.questions import QueueQuestion
from legato.actors.steering.interjections import Interjection
from legato.actors.stream.places import Located, Start
from legato.actors.stream.sinks import Sink
from legato.content import Conversation
from legato.events import (
    Answered,
    AnyEnding,
    Asked,
    ContentEvent,
    Created,
    Cursor,
    Queued,
    Snapshot,
)
from legato.models.contract import ModelRequest


class Ended(Struct, frozen=True):
    """The model came to an end; `reason` is the provider's word.  The rest: see FinishReport."""

    reason: str
    system_fingerprint: str = ""
    service_tier: str = ""


class StopRequested(Struct, frozen=True):
    """Somebody with the right to stop the job did."""


class Failure(Struct, frozen=True):
    """The job cannot go on.  `reason` is for programs, `message` for people.

    `retry_after`: after how many seconds the provider may be asked again, as the provider says.
    """

    reason: str
    message: str
    retry_after: float | None = None


Outcome = Ended | StopRequested | Failure


class Opening(Struct, frozen=True):
    """The turn, stored: what to say of it, and what to ask the model."""

    created: Created
    request: ModelRequest
    conversation: Conversation
    prompt_tokens: int


class Enqueued(Struct, frozen=True):
    """From the recorder: the turn is kept, as it is now, and waits for the turns before."""

    event: Queued


class Opened(Struct, frozen=True):
    """From the recorder: the user's message is stored, the model is to be asked now."""

    opening: Opening


class NotOpened(Struct, frozen=True):
    """From the recorder: the user's message is not stored, and will not be.

    `failure` is None where the job itself decided to end.
    """

    failure: Failure | None


class OpeningOverdue(Struct, frozen=True):
    """From the recorder: storing the user's message took too long to be waited for.

    Opened or NotOpened follows, when the outcome of the write is known.
    """

    failure: Failure


class Append(Struct, frozen=True):
    """From the producer: all events from one read of the model's stream."""

    events: tuple[ContentEvent, ...]


class AskChanged(Struct, frozen=True):
    """From the producer: the run asks somebody outside, or an ask has expired.

    Apart from Append, so no batch of a model's words is searched for asks.
    """

    event: Asked | Answered


class ProducerDone(Struct, frozen=True):
    """From the producer, once, as the last word: the provider's connection is closed.

    `outcome` is None where the producer was told to stop.
    """

    outcome: Ended | Failure | None


class Stored(Struct, frozen=True):
    """From the recorder: the answer is stored, or, where `unsaved`, could not be."""

    conversation: Conversation | None
    unsaved: bool = False


class Overdue(Struct, frozen=True):
    """From the recorder: the journal cannot take the ending now, and whoever asked for a stop has
    waited long enough."""


class Fail(Struct, frozen=True):
    """From the supervisor: end now, with this failure."""

    failure: Failure


class ParkDue(Struct, frozen=True):
    """From a task of the job: let go of everything, if the run only waits and nobody is here."""


class Standing(StrEnum):
    """How a job stands, in the wire's words."""

    RUNNING = "running"
    REQUIRES_ACTION = "requires_action"
    COMPLETE = "complete"
    ERROR = "error"
    ABORTED = "aborted"


class Status(Struct, frozen=True, tag=True):
    """How a job stands; `cursor`: the position up to which the reply is true."""

    standing: Standing
    snapshot: Snapshot
    cursor: Cursor
    ending: AnyEnding | None = None


class StopReply(Struct, frozen=True, tag=True):
    """`already_ended`: a different outcome was decided before this Stop arrived.

    `cursor`: the position at which the reply is true; the ending's own place, once the ending is
    said.
    """

    ending: AnyEnding
    already_ended: bool
    cursor: Cursor


class Subscribe(Question[None], frozen=True):
    """From a reader: give `sink` the backlog from `start`, and all events to come.

    `start` is the log's beginning, a snapshot of now, or the cursor seen last.  A cursor that does
    not hold here is answered with a snapshot, or, in a dialect without snapshots, refused with
    OutOfReach.  The answer comes when `sink` has the backlog, or as much of the backlog as fits at
    once.
    """

    dialect: str
    start: Start
    sink: Sink


class Locate(Question[Located], frozen=True):
    """From a reader: the position from which to go on after `place`.

    `place` is a cursor, or, in a dialect with numbered frames, the last number seen, -1 for none.
    Refused with OutOfReach where the position is unknown.
    """

    dialect: str
    place: Cursor | int


class Stop(Question[StopReply], frozen=True):
    """From anyone allowed: end now.  Answered when the ending is said.

    `id`: a second Stop with this id is the same stop, asked again because the answer was lost.
    """

    id: str = ""


class AwaitQueued(Question[Queued | Created | AnyEnding], frozen=True):
    """Answered once the journal has the waiting turn, which will be found whatever dies, or the
    turn is stored, or the job has ended."""


class AwaitOpened(Question[Created | AnyEnding], frozen=True):
    """Answered once the turn is stored, or the job ended before."""


class AwaitAnswer(Question[AnyEnding | None], frozen=True):
    """Answered with None once there is content, or with the ending, if the job ends before."""


class AwaitEnding(Question[AnyEnding], frozen=True):
    """Answered when the ending is said."""


class GetStatus(Question[Status], frozen=True):
    """Answered at once: how the job stands."""


WaitingQuestion = (
    Subscribe | Locate | Stop | AwaitQueued | AwaitOpened | AwaitAnswer | AwaitEnding | GetStatus
)
"""The questions for Waiters: answered at once, or when the event asked for happens."""

AnyQuestion = WaitingQuestion | QueueQuestion | Interjection


class Ask(Struct, frozen=True):
    """From anyone: a question, and the address for the answer."""

    question: AnyQuestion
    reply_to: ReplyTo[Any]


_FromRecorder = Enqueued | Opened | NotOpened | OpeningOverdue | Stored | Overdue
FromProducer = Append | AskChanged | ProducerDone
JobMessage = _FromRecorder | FromProducer | Fail | ParkDue | Ask
