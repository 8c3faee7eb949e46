"""A part of an answer that grows in many small pieces.  Pure."""

from typing import Final, Self, assert_never

from legato.content import ErrorPart, Part, TextPart, ThinkPart, ToolCall, ToolCallPart
from legato.events import StepStarted

JOIN_EVERY: Final = 1024  # pieces: as many small texts take ten times the memory of one


class GrowingPart:
    """Growing costs a list append, reading one join, a fork a few thousand pointers at most."""

    __slots__ = ("_joined", "_part", "_pieces", "kind")

    def __init__(self, part: Part) -> None:
        """`part`: what the growing begins with."""
        self.kind = type(part)
        self._part = part
        self._joined: list[str] = []
        self._pieces: list[str] = []

    def grow(self, more: str) -> None:
        self._pieces.append(more)
        if len(self._pieces) == JOIN_EVERY:
            self._joined.append("".join(self._pieces))
            self._pieces.clear()

    def read(self) -> Part:
        """All of the part so far."""
        if self._joined or self._pieces:
            self._part = extended(self._part, "".join(self._joined + self._pieces))
            self._joined.clear()
            self._pieces.clear()
        return self._part

    def fork(self) -> Self:
        """Make a second part with the same text, which grows alone."""
        twin = type(self)(self._part)
        twin._joined, twin._pieces = self._joined[:], self._pieces[:]
        return twin


def blank(step: StepStarted) -> TextPart | ThinkPart | ToolCallPart:
    """The part that a step begins with."""
    match step.kind:
        case "text":
            return TextPart("")
        case "think":
            return ThinkPart("")
        case "tool_call":
            return ToolCallPart(step.tool_call or ToolCall(id="", name=""))
        case _:
            assert_never(step.kind)


def extended(part: Part, more: str) -> Part:
    """Raises ValueError for an error part, of which there is never more."""
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
