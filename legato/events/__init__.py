"""The event vocabulary: everything that can happen in a job, shared by every layer.  Pure.

A job's log is `Created`, then steps and deltas, then exactly one `Ending`.  If the turn had to wait
for other turns, `Queued` comes first, once more for each change.  An event with content names the
position of the changed part (`index`), which is also the step's position: there is no second
numbering to reconcile.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, Self, final

from msgspec import UNSET, Struct, field, structs

from legato.content import (
    Answering,
    ApiRequest,
    Conversation,
    Message,
    ModelUsage,
    Part,
    SteerPart,
    ToolCall,
    ToolListPart,
    TurnRequest,
    UrlCitation,
    Usage,
    WholePart,
)

StepKind = Literal["text", "think", "refusal", "tool_call", "agent_update", "tool_list"]


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
    counted from 1; None outside of a group.  `is_hidden`: the words of the call are shown to
    nobody, because the next agent goes on from there.
    """

    call_no: int = 0
    agent_id: str | None = None
    group_id: int | None = None
    is_hidden: bool = False


BARE: Final = Origin()
"""The one call of a bare model."""

KEPT: Final = -1
"""The `call_no` of what an edited or continued answer starts from."""


_WORDS: Final = ("text", "think", "refusal")


class StepStarted(Event, frozen=True):
    """A part of this kind begins at `index`, or, if a kept part is there, goes on.

    `whole`: the part, if of a kind without growth.
    """

    index: int
    kind: StepKind
    tool_call: ToolCall | None = None
    origin: Origin = BARE
    whole: WholePart | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether the part is hidden words."""
        return self.origin.is_hidden and self.kind in _WORDS


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
class HiddenDelta(Delta, frozen=True, gc=False):
    """More of a hidden part: see Origin."""


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
    """The result of a tool call has come, or, without `output`, the call goes on as a task."""

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


AskKind = Literal["approval", "question", "elicitation", "client_tool"]
"""An ask is for leave to call a tool, for an answer to the model's question, for a tool's missing
input, or for the result of a tool that the client runs."""

Decided = Literal["approve", "deny", "edit", "answer", "cancel", "expired"]
"""What became of an ask.  `edit` approves a call with other arguments."""


class Asked(Event, frozen=True, kw_only=True):
    """The run asks somebody outside, and the tool call at `index` waits for the answer.

    `payload` is JSON for whoever answers.  `response_schema`: what an answer's value must fit.
    `allowed`: the decisions that somebody outside may take.  `at`, `expires_at`: milliseconds since
    1970, set by the job.  `state` is the tool's own, and no reader is told of it.
    """

    ask_id: str
    kind: AskKind
    index: int
    payload: Mapping[str, Any]
    allowed: tuple[Decided, ...]
    at: int = 0
    expires_at: int = 0
    response_schema: Mapping[str, Any] | None = None
    state: str | None = None


class Answered(Event, frozen=True, kw_only=True):
    """The one answer to an ask; all later answers are refused.

    `by`: the user who answered, "" where the ask expired or the job ended before.  `value`: the
    answer, or the edited arguments.  `reason` is for the model.  `always`: the same tool needs no
    further leave in this conversation.
    """

    ask_id: str
    decision: Decided
    by: str = ""
    value: Any = None
    reason: str = ""
    always: bool = False


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
        """What becomes of the waiting steer where the job ends in this way."""
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


class Ending(Event, frozen=True, kw_only=True):
    """The last event of every log; a log has only one.

    `response` is the answer as stored, with the shown parts; None where nothing was generated.
    `cut`: the positions of the response's unfinished parts; None where nobody knows.  `usages`: the
    sum of a run, model by model; empty where a bare model answered.
    `unsaved` is true when the answer could not be stored by the deadline.
    `at`: seconds since 1970, for an API's job, where no stored message has the time.
    `unread` are the steers that no model read, for the caller to send again.
    """

    request: Message | None = None
    response: Message | None = None
    conversation: Conversation | None = None
    usage: Usage = Usage()
    unsaved: bool = False
    at: int | None = None
    unread: tuple[SteerTaken, ...] = ()
    cut: tuple[int, ...] | None = None
    usages: tuple[ModelUsage, ...] = ()


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


AnyDelta = TextDelta | ReasoningDelta | RefusalDelta | ArgumentsDelta | HiddenDelta
ContentEvent = (
    StepStarted
    | AnyDelta
    | LogprobsDelta
    | AnnotationAdded
    | StepCompleted
    | ModelCallEnded
    | Asked
    | Answered
    | SteerApplied
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
    | Asked
    | Answered
    | SteerTaken
    | SteerApplied
    | SteerReturned
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
        case SteerTaken(text=text, next_turn=next_turn):
            return len(text) * (1 if next_turn is None else 2)
        case StepStarted(whole=ToolListPart(tools=tools)):
            return len(tools)
        case _:
            return 0


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
