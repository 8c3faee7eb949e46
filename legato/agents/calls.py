"""The model calls of a run, read from its log.  Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from msgspec import UNSET, Struct

from legato.content import (
    AgentUpdatePart,
    Part,
    SteerPart,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolCallPart,
)
from legato.events import KEPT, STEERED, ModelCallEnded, Origin, Snapshot, SteerApplied


class PlacedPart(Struct, frozen=True):
    """A part and its position in the answer."""

    index: int
    part: Part


class ModelCall(Struct, frozen=True):
    """The parts from one model call.  `ended` is None where the call was cut, or still goes on.

    `steers` are the words that the model read before this call, and not before the last one.
    """

    origin: Origin
    parts: tuple[PlacedPart, ...]
    ended: ModelCallEnded | None = None
    steers: tuple[str, ...] = ()

    @property
    def is_steered(self) -> bool:
        """Whether the call ended for new words, which the next call reads."""
        return self.ended is not None and self.ended.reason == STEERED

    @property
    def text(self) -> str:
        return "".join(each.part.text for each in self.parts if isinstance(each.part, TextPart))

    @property
    def thoughts(self) -> str:
        return "".join(each.part.think for each in self.parts if isinstance(each.part, ThinkPart))

    @property
    def tool_calls(self) -> Sequence[tuple[int, ToolCall]]:
        """Each tool call with its position, in the model's order."""
        found = ((each.index, each.part) for each in self.parts)
        return [(index, part.tool_call) for index, part in found if isinstance(part, ToolCallPart)]

    @property
    def unanswered(self) -> Sequence[tuple[int, ToolCall]]:
        """The tool calls without a result."""
        return [(index, call) for index, call in self.tool_calls if call.output is UNSET]

    @property
    def is_whole(self) -> bool:
        """Whether the call ended and each of its tool calls has a result."""
        return self.ended is not None and not self.unanswered

    @property
    def can_go_on(self) -> bool:
        """Whether the call can be continued, by a model able to continue a text."""
        is_text = bool(self.parts) and isinstance(self.parts[-1].part, TextPart)
        return self.ended is None and is_text and not self.tool_calls


def calls_of(snapshot: Snapshot) -> Sequence[ModelCall]:
    """The calls in the order of their numbers; before them the kept parts."""
    owners = {step.index: step.origin for step in snapshot.steps}
    ends = {ended.origin.call_no: ended for ended in snapshot.calls}
    placed = [PlacedPart(index, part) for index, part in enumerate(snapshot.content)]
    applied = _applied(snapshot)
    made: dict[Origin, list[PlacedPart]] = {ended.origin: [] for ended in snapshot.calls}
    made |= {each.origin: [] for each in applied}
    for each in placed:
        if each.index in owners:
            made.setdefault(owners[each.index], []).append(each)
    words = {each.index for each in applied}
    kept = [each for each in placed if each.index not in owners and each.index not in words]
    calls = [
        ModelCall(origin, tuple(parts), ends.get(origin.call_no), _read_by(origin, placed, applied))
        for origin, parts in made.items()
    ]
    return [*_kept(kept), *sorted(calls, key=lambda call: call.origin.call_no)]


def calls_in(content: Sequence[Part]) -> Sequence[ModelCall]:
    """The model calls that made a stored answer, as far as its parts tell them apart."""
    return list(_kept([PlacedPart(index, part) for index, part in enumerate(content)]))


def _read_by(
    origin: Origin, placed: Sequence[PlacedPart], applied: Sequence[SteerApplied]
) -> tuple[str, ...]:
    """The steers that the model call of `origin` read first."""
    parts = (placed[each.index].part for each in applied if each.origin == origin)
    return tuple(part.steer for part in parts if isinstance(part, SteerPart))


def _kept(parts: Sequence[PlacedPart]) -> Iterator[ModelCall]:
    """Cut the parts before each row of steers, behind each row of tool calls, and where another
    agent goes on: another model call made the next part."""
    begun: list[PlacedPart] = []
    steers: tuple[str, ...] = ()
    origin = Origin(KEPT)
    for kind, group in groupby(parts, lambda each: type(each.part)):
        if kind is SteerPart:
            if begun or steers:
                yield ModelCall(origin, tuple(begun), ModelCallEnded(origin, "", STEERED), steers)
            begun = []
            steers = tuple(each.part.steer for each in group if isinstance(each.part, SteerPart))
            continue
        if kind is not AgentUpdatePart:
            begun += group
        if kind in (ToolCallPart, AgentUpdatePart) and (begun or steers):
            yield ModelCall(origin, tuple(begun), ModelCallEnded(origin, "", "tool_calls"), steers)
            begun, steers = [], ()
    if begun or steers:
        yield ModelCall(origin, tuple(begun), None, steers)


def next_number(snapshot: Snapshot) -> int:
    """The number of the next model call.

    A call that read steers has begun, also where the process ended before the model said a word.
    Its number, given to a call of another agent of the group, would mix the two calls up.
    """
    begun = (step.origin.call_no for step in snapshot.steps)
    ended = (ended.origin.call_no for ended in snapshot.calls)
    read = (each.origin.call_no for each in _applied(snapshot))
    return max((*begun, *ended, *read), default=KEPT) + 1


def _applied(snapshot: Snapshot) -> Sequence[SteerApplied]:
    return [each for each in snapshot.outcomes.values() if isinstance(each, SteerApplied)]


def only_waits(snapshot: Snapshot) -> bool:
    """Whether a run does nothing but wait for answers: no model is asked, and no tool runs."""
    asked = {ask.index for ask in snapshot.open_asks}
    calls = calls_of(snapshot)
    unanswered = {index for call in calls for index, _ in call.unanswered}
    is_asking = any(call.ended is None for call in calls if call.parts)
    return bool(asked) and not is_asking and unanswered <= asked
