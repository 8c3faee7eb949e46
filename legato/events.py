"""The vocabulary of events: all that can happen in a job, shared by every layer.  Pure.

A job's log is `Created`, then steps and deltas, then exactly one `Ending`; where the turn had to
wait for others, `Queued` comes before all.  Events that
carry content name the position of the part they change (`index`), which is the step's
own: there is no second numbering to reconcile.
"""

from typing import Literal, NamedTuple, Self, final

from msgspec import Struct, field, structs

from legato.content import ApiRequest, Conversation, Message, Part, ToolCall, TurnRequest, Usage

StepKind = Literal["text", "think", "tool_call"]


class Event(Struct, frozen=True, tag=True):
    """One thing that happened in a job."""


class Queued(Event, frozen=True):
    """The turn waits for those before it in its conversation, and is kept as it was asked for."""

    turn: TurnRequest


class Created(Event, frozen=True):
    """The turn is stored and the model may be asked.

    `kept` is what an edited or continued answer starts from; it takes the first positions.
    `dropped` counts the messages of the history that did not fit the model's context.
    `api_request` (in journals: `asked`) is there where an API was asked; then no conversation has
    a message of the turn, and `request` only stands in for one.  `turn` is there where another
    replica may have the model go on: what was asked for, without the text, which `request` has.
    No reader is told of `turn`.
    """

    request: Message
    response_id: str
    sender: str
    kept: tuple[Part, ...] = ()
    dropped: int = 0
    api_request: ApiRequest | None = field(name="asked", default=None)
    turn: TurnRequest | None = None


def without_turn(created: Created) -> Created:
    """What readers are told of it."""
    return created if created.turn is None else structs.replace(created, turn=None)


class StepStarted(Event, frozen=True):
    """A part of this kind begins at `index`, or, where a kept one stands there, goes on."""

    index: int
    kind: StepKind
    tool_call: ToolCall | None = None


class Delta(Event, frozen=True, gc=False):
    """More of the part at `index`.  It refers to nothing that could refer back to it."""

    index: int
    text: str


@final
class TextDelta(Delta, frozen=True, gc=False):
    """More of an answer's text."""


@final
class ReasoningDelta(Delta, frozen=True, gc=False):
    """More of a model's thoughts."""


@final
class ArgumentsDelta(Delta, frozen=True, gc=False):
    """More of a tool call's arguments: a piece of JSON text."""


class StepCompleted(Event, frozen=True):
    """A tool call has its result."""

    index: int
    tool_call: ToolCall


class Ending(Event, frozen=True, kw_only=True):
    """The last event of every log, and the only one of its kind there.

    `response` is the answer as stored; None where nothing was generated.
    `unsaved` is true when storing it failed past its deadline.
    `at`: when, in seconds since 1970, where no stored message says it: of what an API asked for.
    """

    request: Message | None = None
    response: Message | None = None
    conversation: Conversation | None = None
    usage: Usage = Usage()
    unsaved: bool = False
    at: int | None = None


class Finished(Ending, frozen=True, kw_only=True):
    """The model ended.  `reason`: stop, length, tool_calls, content_filter, max_answer_bytes.

    `system_fingerprint` and `service_tier` are the provider's; "" where it did not say.
    """

    reason: str = "stop"
    system_fingerprint: str = ""
    service_tier: str = ""


class Stopped(Ending, frozen=True):
    """Somebody allowed to stop it did."""


class Failed(Ending, frozen=True, kw_only=True):
    """It could not go on.  `reason` is for programs, `message` for people.

    `retry_after`: after how many seconds the provider says that it may be asked again.
    """

    reason: str
    message: str
    retry_after: float | None = None


AnyDelta = TextDelta | ReasoningDelta | ArgumentsDelta
ContentEvent = StepStarted | AnyDelta | StepCompleted
AnyEnding = Finished | Stopped | Failed
RareEvent = Queued | Created | StepStarted | StepCompleted | AnyEnding
AnyEvent = AnyDelta | RareEvent


class Snapshot(NamedTuple):
    """A job's state at `seq`: what the events 1..seq fold to."""

    seq: int
    created: Created | None
    steps: tuple[StepStarted, ...]
    content: tuple[Part, ...]


class Cursor(NamedTuple):
    """How far a reader has come: opaque to clients, the `id:` of every frame.

    An *epoch* numbers the owners of a job.  The owner at epoch 1 says [1, 2, 3], and its journal
    keeps [1, 2].  The next owner goes on at epoch 2 from there, and says [1, 2, 3'].  Its
    *previous epochs* are {1: 2}: of epoch 1 the events up to 2 are left.  So cursors `job:1:2` and
    `job:2:3` hold, and their readers get what follows.  Cursor `job:1:3` names an event that is
    lost; its reader gets a snapshot.
    """

    job_id: str
    epoch: int
    seq: int

    def __str__(self) -> str:
        return f"{self.job_id}:{self.epoch}:{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError where `text` is not `job_id:epoch:seq` with plain decimal numbers."""
        job_id, epoch, seq = text.split(":")
        if not (job_id and _is_number(epoch) and _is_number(seq)):
            raise ValueError(f"a cursor is job_id:epoch:seq; found {text!r}")
        return cls(job_id, int(epoch), int(seq))


def _is_number(text: str) -> bool:
    # int() would take spaces, signs, underscores, other scripts' digits and 5,000 of them.
    return text.isascii() and text.isdigit() and len(text) <= 15
