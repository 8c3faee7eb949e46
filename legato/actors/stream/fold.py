"""The running state of a job: its log folded into run steps and content parts.  Pure."""

from collections.abc import Mapping
from typing import Final, Literal, assert_never

from legato.actors.stream.memory_sizes import size_of_part
from legato.content import (
    AgentUpdatePart,
    ErrorPart,
    Part,
    SteerPart,
    TextPart,
    ThinkPart,
    ToolCallPart,
    ToolListPart,
)
from legato.events import (
    AnnotationAdded,
    Answered,
    AnyEnding,
    AnyEvent,
    ArgumentsDelta,
    Asked,
    Created,
    Delta,
    Failed,
    Finished,
    HiddenDelta,
    LogprobsDelta,
    ModelCallEnded,
    Queued,
    RareEvent,
    ReasoningDelta,
    RefusalDelta,
    Snapshot,
    SteerApplied,
    SteerOutcome,
    SteerReturned,
    SteerTaken,
    StepCompleted,
    StepStarted,
    Stopped,
    TextDelta,
    texts_in,
    without_turn,
)
from legato.growing_part import GrowingPart, blank, completed

_GROWS: Final[Mapping[type[Delta], type[Part] | tuple[type[Part], ...]]] = {
    HiddenDelta: (TextPart, ThinkPart),
    TextDelta: TextPart,
    ReasoningDelta: ThinkPart,
    RefusalDelta: TextPart,
    ArgumentsDelta: ToolCallPart,
}
"""The part that a delta is more of."""

_WHY: Final[Mapping[type[AnyEnding], Literal["finished", "stopped", "failed"]]] = {
    Finished: "finished",
    Stopped: "stopped",
    Failed: "failed",
}
"""Why a steer is returned by an ending."""


class Fold:
    """`content[step.index]` is always the step's part; positions are dense from 0.

    `bytes` counts the text held, including the kept parts of an answer, the arguments in a tool
    call's first piece, and the answers to asks.

    An event that does not fit raises ValueError: our own code wrote the event, and has a bug.
    """

    def __init__(self) -> None:
        self.queued: Queued | None = None
        self.created: Created | None = None
        self.bytes = 0
        self.steps: list[StepStarted] = []
        self.calls: list[ModelCallEnded] = []
        self.asks: list[Asked] = []
        self.answers: dict[str, Answered] = {}
        self.steers: dict[str, SteerTaken] = {}
        self.outcomes: dict[str, SteerOutcome] = {}
        self._parts: list[GrowingPart] = []

    def apply(self, *events: AnyEvent) -> None:
        part, kind, index = None, None, -1
        for event in events:
            if not isinstance(event, Delta):
                self._turn(event)
                part = None
                continue
            # Nearly all events grow the same part, which is looked up and checked only once.
            if part is None or type(event) is not kind or event.index != index:
                kind, index = type(event), event.index
                part = self._at(index, _GROWS[kind])
            part.grow(event.text)
            self.bytes += _length_of(event.text)

    def _turn(self, event: RareEvent) -> None:
        match event:
            case StepStarted():
                self._start(event)
            case LogprobsDelta(index, text, logprobs):
                part = self._at(index, TextPart)
                part.grow(text)
                part.add_logprobs(logprobs)
                self.bytes += _length_of(text)
            case AnnotationAdded(index, annotation):
                self._at(index, TextPart).annotate(annotation)
            case StepCompleted(index, tool_call):
                self._at(index, ToolCallPart)
                self._parts[index] = completed(self._parts[index], tool_call)
                self.bytes += _length_of(tool_call.output or "")
            case ModelCallEnded():
                self.calls.append(event)
            case Asked():
                self.asks.append(event)
            case Answered():
                self.answers[event.ask_id] = event
                self.bytes += texts_in(event.value)
            case SteerTaken():
                self.steers[event.steer_id] = event
            case SteerApplied():
                self.outcomes[event.part.steer_id] = event
                self._insert(event)
            case SteerReturned():
                self.outcomes[event.steer_id] = event
            case Created():
                self.created = without_turn(event)
                self._parts = [GrowingPart(part) for part in event.kept]
                self.bytes = sum(map(_size_of, event.kept))
            case Queued():
                self.queued = event
            case Finished() | Stopped() | Failed():
                self._return_rest(event)
            case _:
                assert_never(event)

    @property
    def kept_bytes(self) -> int:
        """About how many bytes of memory the parts keep, with joined texts."""
        return sum(size_of_part(part.read()) for part in self._parts)

    def content(self) -> tuple[Part, ...]:
        return tuple(part.read() for part in self._parts)

    def snapshot(self, seq: int) -> Snapshot:
        return Snapshot(
            seq,
            self.created,
            tuple(self.steps),
            self.content(),
            tuple(self.calls),
            tuple(self.steers.values()),
            dict(self.outcomes),
            tuple(self.asks),
            dict(self.answers),
        )

    def _return_rest(self, ending: AnyEnding) -> None:
        """Clear the steers and asks that still waited when another process ended the job."""
        why = _WHY[type(ending)]
        for steer_id, steer in self.steers.items():
            self.outcomes.setdefault(steer_id, steer.returned(why))
        for ask in self.asks:
            cancelled = Answered(ask_id=ask.ask_id, decision="cancel")
            self.answers.setdefault(ask.ask_id, cancelled)

    def _insert(self, applied: SteerApplied) -> None:
        """Put the words of a steer at their place, which is behind all that was said before."""
        if applied.index != len(self._parts):
            raise ValueError(f"a steer at {applied.index}; there are {len(self._parts)} parts")
        self._parts.append(GrowingPart(applied.part))
        self.bytes += _size_of(applied.part)

    def _start(self, step: StepStarted) -> None:
        begun = blank(step)
        if step.index == len(self._parts):
            self._parts.append(GrowingPart(begun))
            self.bytes += _size_of(begun)
        else:
            self._at(step.index, type(begun))
        self.steps.append(step)

    def _at(self, index: int, kind: type[Part] | tuple[type[Part], ...]) -> GrowingPart:
        if not 0 <= index < len(self._parts):
            raise ValueError(f"no part at {index}; there are {len(self._parts)}")
        part = self._parts[index]
        if not issubclass(part.kind, kind):
            raise ValueError(f"part {index} is {part.kind.__name__}, not {_name_of(kind)}")
        return part


def _name_of(kind: type[Part] | tuple[type[Part], ...]) -> str:
    return " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))


def _length_of(text: str) -> int:
    """In bytes of UTF-8.  Most texts are ASCII, and `isascii` is a look at a flag."""
    return len(text) if text.isascii() else len(text.encode())


def _size_of(part: Part) -> int:
    match part:
        case TextPart(text) | ThinkPart(text) | ErrorPart(text):
            return _length_of(text)
        case ToolCallPart(call):
            return _length_of(call.args)
        case SteerPart():
            return _length_of(part.steer)
        case AgentUpdatePart() | ToolListPart():
            return 0  # not said by a model
        case _:
            assert_never(part)
