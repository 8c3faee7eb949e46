"""The events of every generation before the ending: the opening, the steps.  Pure."""

from typing import Final, Literal, final

from msgspec import Struct, field, structs

from legato.content import Answering, Message, Part, ToolCall, UrlCitation, Usage, WholePart
from legato.events.event import BARE, Event, Origin
from legato.requests import ApiRequest, TurnRequest

StepKind = Literal["text", "think", "refusal", "tool_call", "agent_update", "tool_list"]


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


STEERED: Final = "steered"
"""The reason of a model call that was cut for new words, or whose end came before the words."""


class ModelCallEnded(Event, frozen=True):
    """A model call of an agent's run came to its end: all that it said is in the log.

    `reason` is the model's word for why, or STEERED.  A call of a bare model ends with its job, and
    has none.
    """

    origin: Origin
    model: str
    reason: str
    usage: Usage = Usage()


AnyDelta = TextDelta | ReasoningDelta | RefusalDelta | ArgumentsDelta | HiddenDelta
