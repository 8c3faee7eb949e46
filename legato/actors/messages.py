"""Everything that a job takes a step for: a closed union of frozen structs without behaviour.

All of them come by the mailbox, but for the producer's own.
"""

from enum import StrEnum
from typing import Any, Generic, TypeVar

from msgspec import Struct

from legato.actors.mailbox import ReplyTo
from legato.actors.stream.places import Located, Start
from legato.actors.stream.sinks import Sink
from legato.content import Conversation
from legato.events import AnyEnding, ContentEvent, Created, Cursor, Queued, Snapshot
from legato.models.contract import ModelRequest

A = TypeVar("A", covariant=True)


class Ended(Struct, frozen=True):
    """The model came to its end; `reason` is its word for why.  The others are a FinishReport's."""

    reason: str
    system_fingerprint: str = ""
    service_tier: str = ""


class StopRequested(Struct, frozen=True):
    """Somebody allowed to stop it did."""


class Failure(Struct, frozen=True):
    """It cannot go on.  `reason` is for programs, `message` for people.

    `retry_after`: after how many seconds a provider says that it may be asked again.
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
    """From the recorder: the turn is kept, and waits for those before it."""

    event: Queued


class Opened(Struct, frozen=True):
    """From the recorder: the user's message is stored, the model is to be asked now."""

    opening: Opening


class NotOpened(Struct, frozen=True):
    """From the recorder: the user's message is not stored, and will not be.

    `failure` is None where the job decided so.
    """

    failure: Failure | None


class OpeningOverdue(Struct, frozen=True):
    """From the recorder: storing the user's message took too long to be waited for.

    Whether it is stored comes later, as Opened or NotOpened.
    """

    failure: Failure


class Append(Struct, frozen=True):
    """From the producer: all that one read of the model's stream brought."""

    events: tuple[ContentEvent, ...]


class ProducerDone(Struct, frozen=True):
    """From the producer, once, as its last word: the provider's connection is closed.

    `outcome` is None where it was told to stop.
    """

    outcome: Ended | Failure | None


class Stored(Struct, frozen=True):
    """From the recorder: the answer is stored, or, where `unsaved`, could not be."""

    conversation: Conversation | None
    unsaved: bool = False


class Overdue(Struct, frozen=True):
    """The journal cannot take the ending now; who waits for a Stop has waited long enough."""


class Fail(Struct, frozen=True):
    """From the supervisor: end now, because of that."""

    failure: Failure


class Standing(StrEnum):
    """How a job stands, in the wire's words."""

    RUNNING = "running"
    COMPLETE = "complete"
    ERROR = "error"
    ABORTED = "aborted"


class Status(Struct, frozen=True, tag=True):
    """`cursor`: up to where that is true."""

    standing: Standing
    snapshot: Snapshot
    cursor: Cursor
    ending: AnyEnding | None = None


class StopReply(Struct, frozen=True, tag=True):
    """`already_ended`: the job had been decided otherwise before this Stop arrived.

    `cursor`: where that is true; the ending's own place, once the ending is said.
    """

    ending: AnyEnding
    already_ended: bool
    cursor: Cursor


class Question(Struct, Generic[A], frozen=True, tag=True):
    """Asked of a job, and answered with an `A`.  Replicas send each other the same structs."""


class Subscribe(Question[None], frozen=True):
    """From a reader: into `sink` the backlog from `start`, and what follows.

    `start` is the log's beginning, a snapshot of now, or the cursor of what was seen last; a
    cursor that does not hold here is answered with a snapshot, or, where the dialect has none,
    refused with OutOfReach.  The answer comes when `sink` has the backlog, or all of it that it
    takes at once.
    """

    dialect: str
    start: Start
    sink: Sink


class Locate(Question[Located], frozen=True):
    """From a reader: where to go on who has seen up to `place`: a cursor, or, of a dialect that
    numbers its frames, a number, -1 for none.  Refused with OutOfReach where nobody can tell."""

    dialect: str
    place: Cursor | int


class Stop(Question[StopReply], frozen=True):
    """From anyone allowed: end now.  Answered when the ending is said.

    `id`: the same again is the same stop, whose answer was lost.
    """

    id: str = ""


class AwaitQueued(Question[Queued | Created | AnyEnding], frozen=True):
    """Answered once a turn that waits is kept, and so will be found whatever dies; or it is stored
    already, or the job ended before that."""


class AwaitOpened(Question[Created | AnyEnding], frozen=True):
    """Answered once the turn is stored, or the job ended before that."""


class AwaitAnswer(Question[AnyEnding | None], frozen=True):
    """Answered with None once there is content, or with the ending that came before any."""


class AwaitEnding(Question[AnyEnding], frozen=True):
    """Answered when the ending is said."""


class GetStatus(Question[Status], frozen=True):
    """Answered at once: how the job stands."""


AnyQuestion = (
    Subscribe | Locate | Stop | AwaitQueued | AwaitOpened | AwaitAnswer | AwaitEnding | GetStatus
)


class Ask(Struct, frozen=True):
    """From anyone: a question, and where the answer to it goes."""

    question: AnyQuestion
    reply_to: ReplyTo[Any]


FromRecorder = Enqueued | Opened | NotOpened | OpeningOverdue | Stored | Overdue
FromProducer = Append | ProducerDone
JobMessage = FromRecorder | FromProducer | Fail | Ask
