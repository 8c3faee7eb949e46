"""A part of an answer while it grows.  Pure."""

from typing import Final

from msgspec.structs import replace

from legato.content import TextPart, ThinkPart, ToolCall, ToolCallPart
from legato.events import StepStarted

GrowingPart = TextPart | ThinkPart | ToolCallPart

JOIN_EVERY: Final = 1024
"""Pieces: however long a text, a fork copies a few thousand pointers at most."""


class Growing:
    """Growing costs a list append, reading one join.  `frame` is what a delta of it fills in."""

    __slots__ = ("_joined", "_pieces", "blank", "frame")

    def __init__(self, blank: GrowingPart, frame: bytes) -> None:
        """`blank`: what it begins with."""
        self.blank = blank
        self.frame = frame
        self._joined: list[str] = []
        self._pieces: list[str] = []

    def grow(self, more: str) -> None:
        self._pieces.append(more)
        if len(self._pieces) == JOIN_EVERY:
            self._joined.append("".join(self._pieces))
            self._pieces.clear()

    def part(self) -> GrowingPart:
        """All of it so far."""
        more = "".join(self._joined + self._pieces)
        match self.blank:
            case ToolCallPart(call):
                return ToolCallPart(replace(call, args=call.args + more))
            case TextPart():
                return TextPart(more)
        return ThinkPart(more)

    def fork(self) -> "Growing":
        twin = Growing(self.blank, self.frame)
        twin._joined, twin._pieces = self._joined[:], self._pieces[:]
        return twin


def blank_of(step: StepStarted) -> GrowingPart:
    if step.kind == "tool_call":
        return ToolCallPart(step.tool_call or ToolCall(id="", name=""))
    return TextPart("") if step.kind == "text" else ThinkPart("")
