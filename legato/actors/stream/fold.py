"""The running state of a job: its log folded into run steps and content parts.  Pure."""

from collections.abc import Mapping
from typing import Final, assert_never

from msgspec.structs import replace

from legato.actors.stream.memory_sizes import size_of_part
from legato.content import ErrorPart, Part, TextPart, ThinkPart, ToolCall, ToolCallPart
from legato.events import (
    AnyEvent,
    ArgumentsDelta,
    Created,
    Delta,
    Ending,
    Queued,
    ReasoningDelta,
    Snapshot,
    StepCompleted,
    StepStarted,
    TextDelta,
    without_turn,
)
from legato.text_buffer import TextBuffer

GROWS: Final[Mapping[type[Delta], type[Part]]] = {
    TextDelta: TextPart,
    ReasoningDelta: ThinkPart,
    ArgumentsDelta: ToolCallPart,
}
"""The part that a delta is more of."""


class Slot(TextBuffer):
    """A part that may still grow."""

    __slots__ = ("part",)

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part

    def read(self) -> Part:
        if more := self.take():
            self.part = extended(self.part, more)
        return self.part


class Fold:
    """`content[step.index]` is always the step's part; positions are dense from 0.

    `bytes` is how much text it holds, what an answer was begun with and the arguments that came
    with a tool call's first piece included.

    An event that does not fit raises ValueError: our own code wrote it, so it is a bug.
    """

    def __init__(self) -> None:
        self.queued: Queued | None = None
        self.created: Created | None = None
        self.bytes = 0
        self.steps: list[StepStarted] = []
        self._slots: list[Slot] = []

    def apply(self, *events: AnyEvent) -> None:
        slot, kind, index = None, None, -1
        for event in events:
            if not isinstance(event, Delta):
                self._turn(event)
                slot = None
                continue
            # Nearly all are more of the same part: it is looked for and checked once for them.
            if slot is None or type(event) is not kind or event.index != index:
                kind, index = type(event), event.index
                slot = self._slot(index, GROWS[kind])
            slot.grow(event.text)
            self.bytes += length_of(event.text)

    def _turn(self, event: Queued | Created | StepStarted | StepCompleted | Ending) -> None:
        match event:
            case StepStarted():
                self._start(event)
            case StepCompleted(index, tool_call):
                self._slot(index, ToolCallPart)
                self._slots[index] = Slot(ToolCallPart(tool_call))
            case Created():
                self.created = without_turn(event)
                self._slots = [Slot(part) for part in event.kept]
                self.bytes = sum(map(size_of, event.kept))
            case Queued():
                self.queued = event
            case Ending():
                pass
            case _:
                assert_never(event)

    @property
    def kept_bytes(self) -> int:
        """About what its parts keep in memory, where their texts are joined."""
        return sum(size_of_part(slot.read()) for slot in self._slots)

    def content(self) -> tuple[Part, ...]:
        return tuple(slot.read() for slot in self._slots)

    def snapshot(self, seq: int) -> Snapshot:
        return Snapshot(seq, self.created, tuple(self.steps), self.content())

    def _start(self, step: StepStarted) -> None:
        part = blank(step)
        if step.index == len(self._slots):
            self._slots.append(Slot(part))
            self.bytes += size_of(part)
        else:
            self._slot(step.index, type(part))
        self.steps.append(step)

    def _slot(self, index: int, kind: type[Part]) -> Slot:
        if not 0 <= index < len(self._slots):
            raise ValueError(f"no part at {index}; there are {len(self._slots)}")
        slot = self._slots[index]
        if not isinstance(slot.part, kind):
            raise ValueError(f"part {index} is {type(slot.part).__name__}, not {kind.__name__}")
        return slot


def length_of(text: str) -> int:
    """In bytes of UTF-8.  Most texts are ASCII, and know it."""
    return len(text) if text.isascii() else len(text.encode())


def blank(step: StepStarted) -> Part:
    """The part a step begins with."""
    match step.kind:
        case "text":
            return TextPart("")
        case "think":
            return ThinkPart("")
        case "tool_call":
            return ToolCallPart(step.tool_call or ToolCall(id="", name=""))
        case _:
            assert_never(step.kind)


def size_of(part: Part) -> int:
    match part:
        case TextPart(text) | ThinkPart(text) | ErrorPart(text):
            return length_of(text)
        case ToolCallPart(call):
            return length_of(call.args)
        case _:
            assert_never(part)


def extended(part: Part, more: str) -> Part:
    match part:
        case TextPart(text):
            return TextPart(text + more)
        case ThinkPart(think):
            return ThinkPart(think + more)
        case ToolCallPart(call):
            return ToolCallPart(replace(call, args=call.args + more))
        case ErrorPart():
            raise ValueError("an error part does not grow")
        case _:
            assert_never(part)
