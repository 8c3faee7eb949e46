"""The running state of a job: its log folded into run steps and content parts.  Pure."""

from typing import assert_never

from legato.content import ErrorPart, Part, TextPart, ThinkPart, ToolCall, ToolCallPart
from legato.events import (
    AnyEvent,
    ArgumentsDelta,
    Created,
    Ending,
    ReasoningDelta,
    Snapshot,
    StepCompleted,
    StepStarted,
    TextDelta,
)


class Slot:
    """A part that may still grow: growing costs a list append, reading one join."""

    __slots__ = ("part", "pieces")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.pieces: list[str] = []

    def read(self) -> Part:
        if self.pieces:
            self.part = extended(self.part, "".join(self.pieces))
            self.pieces.clear()
        return self.part


class Fold:
    """`content[step.index]` is always the step's part; positions are dense from 0.

    `bytes` is how much text it holds, what an answer was begun with and the arguments that came
    with a tool call's first piece included.

    An event that does not fit raises ValueError: our own code wrote it, so it is a bug.
    """

    def __init__(self) -> None:
        self.created: Created | None = None
        self.bytes = 0
        self.steps: list[StepStarted] = []
        self._slots: list[Slot] = []

    def apply(self, event: AnyEvent) -> None:
        match event:
            case TextDelta(index, text):
                self._grow(index, TextPart, text)
            case ReasoningDelta(index, text):
                self._grow(index, ThinkPart, text)
            case ArgumentsDelta(index, args):
                self._grow(index, ToolCallPart, args)
            case StepStarted():
                self._start(event)
            case StepCompleted(index, tool_call):
                self._open(index, ToolCallPart)
                self._slots[index] = Slot(ToolCallPart(tool_call))
            case Created():
                self.created = event
                self._slots = [Slot(part) for part in event.kept]
                self.bytes = sum(map(size_of, event.kept))
            case Ending():
                pass
            case _:
                assert_never(event)

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
            self._open(step.index, type(part))
        self.steps.append(step)

    def _grow(self, index: int, kind: type[Part], more: str) -> None:
        self._open(index, kind).pieces.append(more)
        self.bytes += len(more.encode())

    def _open(self, index: int, kind: type[Part]) -> Slot:
        if not 0 <= index < len(self._slots):
            raise ValueError(f"no part at {index}; there are {len(self._slots)}")
        slot = self._slots[index]
        if not isinstance(slot.part, kind):
            raise ValueError(f"part {index} is {type(slot.part).__name__}, not {kind.__name__}")
        return slot


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
            return len(text.encode())
        case ToolCallPart(call):
            return len(call.args.encode())
        case _:
            assert_never(part)


def extended(part: Part, more: str) -> Part:
    match part:
        case TextPart(text):
            return TextPart(text + more)
        case ThinkPart(think):
            return ThinkPart(think + more)
        case ToolCallPart(call):
            return ToolCallPart(ToolCall(call.id, call.name, call.args + more))
        case ErrorPart():
            raise ValueError("an error part does not grow")
        case _:
            assert_never(part)
