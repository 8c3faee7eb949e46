"""Turns a model's chunks into steps and deltas of a job.  Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, assert_never

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from legato.content import (
    AgentUpdatePart,
    Leave,
    Part,
    TextPart,
    ThinkPart,
    ToolCall,
    Usage,
    WholePart,
)
from legato.events import (
    BARE,
    AnnotationAdded,
    ArgumentsDelta,
    ContentEvent,
    HiddenDelta,
    LogprobsDelta,
    Origin,
    ReasoningDelta,
    RefusalDelta,
    StepKind,
    StepStarted,
    TextDelta,
)
from legato.models.contract import (
    AnnotationChunk,
    FinishReport,
    LogprobsChunk,
    ModelEvent,
    ReasoningChunk,
    RefusalChunk,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)

_Said = TextChunk | ReasoningChunk | RefusalChunk
_KINDS: Final[Mapping[type[_Said], StepKind]] = {
    TextChunk: "text",
    ReasoningChunk: "think",
    RefusalChunk: "refusal",
}


class Positions:
    """The positions of an answer's parts, given out in order."""

    def __init__(self, count: int = 0) -> None:
        """`count`: how many parts there are already."""
        self._count = count

    @property
    def last(self) -> int:
        return self._count - 1

    def take(self) -> int:
        self._count += 1
        return self.last


def whole_step(positions: Positions, origin: Origin, part: WholePart) -> StepStarted:
    """The step of a whole part."""
    index = positions.take()
    if isinstance(part, AgentUpdatePart):
        placed = AgentUpdatePart(replace(part.agent_update, index=index))
        return StepStarted(index, "agent_update", origin=origin, whole=placed)
    return StepStarted(index, "tool_list", origin=origin, whole=part)


class Steps:
    """Gives every run of text, of reasoning or of a refusal, and every tool call a new step and a
    new position.

    Text that goes on from a kept part of the same kind takes the kept part's position, and a
    continued answer thereby stays a single part.  Each model call of a run has Steps of its own;
    the Steps of simultaneous calls share their `positions`.
    """

    def __init__(
        self,
        kept: Sequence[Part] = (),
        origin: Origin = BARE,
        positions: Positions | None = None,
        *,
        with_logprobs: bool = False,
        theirs: Collection[str] = (),
        guarded: Collection[str] = (),
    ) -> None:
        """`theirs`, `guarded`: see Stage."""
        self.usage = Usage()
        self.finish: FinishReport | None = None
        self._origin = origin
        self._with_logprobs = with_logprobs
        self._theirs = theirs
        self._guarded = guarded
        self._positions = positions or Positions(len(kept))
        # Not `positions.last`: other calls may begin parts before the first chunk comes.
        self._kept_index = len(kept) - 1
        self._last_kept = _kind_of(kept[-1]) if kept else None
        self._open: type[_Said] | None = None
        self._index = -1
        self._calls: dict[int, int] = {}  # the provider's number of a call -> its position

    @property
    def has_calls(self) -> bool:
        """Whether the model has called a tool."""
        return bool(self._calls)

    def events(self, chunks: Iterable[ModelEvent]) -> tuple[ContentEvent, ...]:
        """The events of these chunks, in order; `usage` and `finish` keep what is no event."""
        # Every token comes by here: a loop is a fifth of the cost of generators and `match`.
        events: list[ContentEvent] = []
        for chunk in chunks:
            if type(chunk) is TextChunk:
                if self._open is not TextChunk:
                    events.append(self._begin(TextChunk))
                events.append(TextDelta(self._index, chunk.text))
            elif type(chunk) is ReasoningChunk:
                if self._open is not ReasoningChunk:
                    events.append(self._begin(ReasoningChunk))
                events.append(ReasoningDelta(self._index, chunk.text))
            else:
                events.extend(self._other(chunk))
        return tuple(map(_hidden, events)) if self._origin.is_hidden else tuple(events)

    def _other(
        self,
        chunk: LogprobsChunk
        | RefusalChunk
        | AnnotationChunk
        | ToolCallChunk
        | UsageReport
        | FinishReport,
    ) -> Iterator[ContentEvent]:
        match chunk:
            case LogprobsChunk(text, logprobs):
                if self._open is not TextChunk:
                    yield self._begin(TextChunk)
                if self._with_logprobs:
                    yield LogprobsDelta(self._index, text, logprobs)
                else:
                    yield TextDelta(self._index, text)
            case RefusalChunk(text):
                if self._open is not RefusalChunk:
                    yield self._begin(RefusalChunk)
                yield RefusalDelta(self._index, text)
            case AnnotationChunk(annotation):
                # No dialect adds to a finished or hidden text.
                if self._open is TextChunk and not self._origin.is_hidden:
                    yield AnnotationAdded(self._index, annotation)
            case ToolCallChunk():
                yield from self._tool_call(chunk)
            case UsageReport(usage):
                self.usage = usage
            case FinishReport():
                self.finish = chunk
            case _:
                assert_never(chunk)

    def _begin(self, chunk: type[_Said]) -> StepStarted:
        self._open, kind = chunk, _KINDS[chunk]
        goes_on = kind == self._last_kept
        self._index = self._kept_index if goes_on else self._positions.take()
        self._last_kept = None
        return StepStarted(self._index, kind, origin=self._origin)

    def _tool_call(self, chunk: ToolCallChunk) -> Iterator[ContentEvent]:
        if chunk.index in self._calls:
            if chunk.args:
                yield ArgumentsDelta(self._calls[chunk.index], chunk.args)
            return
        self._open = self._last_kept = None
        index = self._calls[chunk.index] = self._positions.take()
        kind: Literal["custom"] | UnsetType = "custom" if chunk.is_custom else UNSET
        by_caller: Literal[True] | UnsetType = True if chunk.name in self._theirs else UNSET
        leave = Leave() if chunk.name in self._guarded else UNSET
        call = ToolCall(
            chunk.id, chunk.name, chunk.args, kind=kind, by_caller=by_caller, leave=leave
        )
        yield StepStarted(index, "tool_call", call, self._origin)


def _hidden(event: ContentEvent) -> ContentEvent:
    """The event, with hidden words."""
    if isinstance(event, TextDelta | ReasoningDelta | RefusalDelta | LogprobsDelta):
        return HiddenDelta(event.index, event.text)
    return event


def _kind_of(part: Part) -> StepKind | None:
    """The kind of step to continue `part`; None for a part without continuation."""
    if isinstance(part, TextPart):
        return part.kind or "text"
    return "think" if isinstance(part, ThinkPart) else None
