"""The model calls of a run, read from its log.  Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from msgspec import UNSET, Struct

from legato.content import AgentUpdatePart, Part, TextPart, ThinkPart, ToolCall, ToolCallPart
from legato.events import ModelCallEnded, Origin, Snapshot

KEPT: Final = -1
"""The `call_no` of what an edited or continued answer starts from."""


_BOUNDS: Final[Mapping[type[Part], str]] = {ToolCallPart: "calls", AgentUpdatePart: "agent"}


class Placed(Struct, frozen=True):
    """A part and its position in the answer."""

    index: int
    part: Part


class ModelCall(Struct, frozen=True):
    """The parts from one model call.  `ended` is None where the call was cut, or still goes on."""

    origin: Origin
    parts: tuple[Placed, ...]
    ended: ModelCallEnded | None = None

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
    placed = [Placed(index, part) for index, part in enumerate(snapshot.content)]
    made: dict[Origin, list[Placed]] = {ended.origin: [] for ended in snapshot.calls}
    for each in placed:
        if each.index in owners:
            made.setdefault(owners[each.index], []).append(each)
    kept = [each for each in placed if each.index not in owners]
    calls = [
        ModelCall(origin, tuple(parts), ends.get(origin.call_no)) for origin, parts in made.items()
    ]
    return [*_kept(kept), *sorted(calls, key=lambda call: call.origin.call_no)]


def calls_in(content: Sequence[Part]) -> Sequence[ModelCall]:
    """The model calls that made a stored answer, as far as its parts tell them apart."""
    return list(_kept([Placed(index, part) for index, part in enumerate(content)]))


def _kept(parts: Sequence[Placed]) -> Iterator[ModelCall]:
    """Cut the parts behind each row of tool calls, and where the agent changes: the next part
    is from the next model call."""
    begun: list[Placed] = []
    for kind, group in groupby(parts, lambda each: _BOUNDS.get(type(each.part))):
        if kind != "agent":
            begun += group
        if kind is not None and begun:
            origin = Origin(KEPT)
            yield ModelCall(origin, tuple(begun), ModelCallEnded(origin, "", "tool_calls"))
            begun = []
    if begun:
        yield ModelCall(Origin(KEPT), tuple(begun))


def next_number(snapshot: Snapshot) -> int:
    """The number of the next model call."""
    begun = (step.origin.call_no for step in snapshot.steps)
    ended = (ended.origin.call_no for ended in snapshot.calls)
    return max((*begun, *ended), default=KEPT) + 1
