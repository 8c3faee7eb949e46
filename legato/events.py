"""The event vocabulary: everything that can happen in a job, shared by every layer.  Pure.

A job's log is `Created`, then steps and deltas, then exactly one `Ending`.  If the turn had to wait
for other turns, `Queued` comes first, once more for each change.  An event with content names the
position of the changed part (`index`), which is also the step's position: there is no second
numbering to reconcile.
"""

from typing import Final, Literal, NamedTuple, Self, final

from msgspec import Struct, field, structs

from legato.content import (
    Answering,
    ApiRequest,
    Conversation,
    Message,
    Part,
    ToolCall,
    TurnRequest,
    UrlCitation,
    Usage,
)

StepKind = Literal["text", "think", "refusal", "tool_call"]


class Event(Struct, frozen=True, tag=True):
    """An event of a job."""


class QueueChange(Struct, frozen=True):
    """A change of a waiting turn.  `id` is the caller's name of the change, or ""."""

    kind: Literal["front", "edit"]
    id: str = ""


class Queued(Event, frozen=True):
    """The turn waits for the turns before in the conversation, and the request is kept.

    A waiting turn that was changed is queued again, with the changed request: the last event
    counts.  `change` is None where nobody asked for a change.
    """

    turn: TurnRequest
    change: QueueChange | None = None


class Created(Event, frozen=True):
    """The turn is stored and the model may be asked.

    `kept` has the parts that an edited or continued answer starts from, at the first positions.
    `dropped` counts the messages of the history that did not fit the model's context.
    `api_request` (in journals: `asked`) is there where an API was asked; then no conversation has
    a message of the turn, and `request` only stands in for one.  `turn` is there where another
    replica may have the model go on: what was asked for, without the text, which `request` has.
    No reader is told of `turn`.  `agent` is None where a bare model answers.
    """

    request: Message
    response_id: str
    sender: str
    kept: tuple[Part, ...] = ()
    dropped: int = 0
    api_request: ApiRequest | None = field(name="asked", default=None)
    turn: TurnRequest | None = None
    agent: Answering | None = None


def without_turn(created: Created) -> Created:
    """The event as readers see it."""
    return created if created.turn is None else structs.replace(created, turn=None)


class Origin(NamedTuple):
    """The model call that a part comes of.

    `call_no` counts the model calls of a job from 0.  `agent_id`: the agent that made the call;
    None where a bare model answers.  `group_id`: the group of agents that answer side by side,
    counted from 1; None outside of a group.
    """

    call_no: int = 0
    agent_id: str | None = None
    group_id: int | None = None


BARE: Final = Origin()
"""The one call of a bare model."""


class StepStarted(Event, frozen=True):
    """A part of this kind begins at `index`, or, if a kept part is there, goes on."""

    index: int
    kind: StepKind
    tool_call: ToolCall | None = None
    origin: Origin = BARE


class Delta(Event, frozen=True, gc=False):
    """More of the part at `index`.  Has no references that could form a cycle, hence `gc=False`."""

    index: int
    text: str


@final
class TextDelta(Delta, frozen=True, gc=False):
    """More of an answer's text."""


@final
class ReasoningDelta(Delta, frozen=True, gc=False):
    """More of a model's thoughts."""


@final
class RefusalDelta(Delta, frozen=True, gc=False):
    """More of the words in which a model refuses to answer."""


@final
class ArgumentsDelta(Delta, frozen=True, gc=False):
    """More of a tool call's arguments: a piece of JSON text."""


@final
class LogprobsDelta(Event, frozen=True, gc=False):
    """More of an answer's text, with the log probabilities of the tokens.

    `logprobs`: JSON objects with `token`, `logprob`, `bytes` and `top_logprobs`, as Chat
    Completions spells the entries, joined by commas.  JSON takes a third of the memory of structs.
    No `Delta`: the loops over plain deltas, nearly all events, are spared a question.
    """

    index: int
    text: str
    logprobs: str


@final
class AnnotationAdded(Event, frozen=True):
    """The text at `index` cites a page."""

    index: int
    annotation: UrlCitation


class StepCompleted(Event, frozen=True):
    """The result of a tool call has come."""

    index: int
    tool_call: ToolCall


class ModelCallEnded(Event, frozen=True):
    """A model call of an agent's run came to its end: all that it said is in the log.

    `reason` is the model's word for why.  A call of a bare model ends with its job, and has none.
    """

    origin: Origin
    model: str
    reason: str
    usage: Usage = Usage()


class Ending(Event, frozen=True, kw_only=True):
    """The last event of every log; a log has only one.

    `response` is the answer as stored; None where nothing was generated.
    `unsaved` is true when the answer could not be stored by the deadline.
    `at`: seconds since 1970, for an API's job, where no stored message has the time.
    """

    request: Message | None = None
    response: Message | None = None
    conversation: Conversation | None = None
    usage: Usage = Usage()
    unsaved: bool = False
    at: int | None = None


class Finished(Ending, frozen=True, kw_only=True):
    """The model ended.  `reason`: stop, length, tool_calls, content_filter, max_answer_bytes.

    `system_fingerprint` and `service_tier` are the provider's; "" where not given.
    """

    reason: str = "stop"
    system_fingerprint: str = ""
    service_tier: str = ""


class Stopped(Ending, frozen=True):
    """A person or program with permission stopped the job."""


class Failed(Ending, frozen=True, kw_only=True):
    """The job could not go on.  `reason` is for programs, `message` for people.

    `retry_after`: seconds until the provider wants to be asked again, as the provider said.
    """

    reason: str
    message: str
    retry_after: float | None = None


AnyDelta = TextDelta | ReasoningDelta | RefusalDelta | ArgumentsDelta
ContentEvent = (
    StepStarted | AnyDelta | LogprobsDelta | AnnotationAdded | StepCompleted | ModelCallEnded
)
AnyEnding = Finished | Stopped | Failed
RareEvent = (
    Queued
    | Created
    | StepStarted
    | LogprobsDelta
    | AnnotationAdded
    | StepCompleted
    | ModelCallEnded
    | AnyEnding
)
AnyEvent = AnyDelta | RareEvent


def text_bytes(event: AnyEvent) -> int:
    """About the bytes of all texts in an event; 0 for an event without text."""
    match event:
        case Delta(text=text):
            return len(text)
        case LogprobsDelta(text=text, logprobs=logprobs):
            return len(text) + len(logprobs)
        case AnnotationAdded(annotation=annotation):
            return len(annotation.url) + len(annotation.title)
        case _:
            return 0


class Snapshot(NamedTuple):
    """A job's state at `seq`: what the events 1..seq fold to."""

    seq: int
    created: Created | None
    steps: tuple[StepStarted, ...]
    content: tuple[Part, ...]
    calls: tuple[ModelCallEnded, ...] = ()


class Cursor(NamedTuple):
    """A reader's position: opaque to clients, the `id:` of every frame.

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
    # int() would take spaces, signs, underscores, other scripts' digits and 5,000 digits.
    return text.isascii() and text.isdigit() and len(text) <= 15
