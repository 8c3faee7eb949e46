"""A part of an answer while it grows.  Pure."""

from msgspec.structs import replace

from legato.content import TextPart, ThinkPart, ToolCall, ToolCallPart
from legato.events import StepStarted
from legato.text_buffer import TextBuffer

GrowingPart = TextPart | ThinkPart | ToolCallPart


class Growing(TextBuffer):
    """A growing part; `frame` is the template that a delta of the part fills in."""

    __slots__ = ("blank", "frame")

    def __init__(self, blank: GrowingPart, frame: bytes) -> None:
        """`blank`: the part at the beginning, without text."""
        super().__init__()
        self.blank = blank
        self.frame = frame

    def part(self) -> GrowingPart:
        """The whole part up to now."""
        match self.blank:
            case ToolCallPart(call):
                return ToolCallPart(replace(call, args=call.args + self.text))
            case TextPart():
                return TextPart(self.text)
        return ThinkPart(self.text)

    def fork(self) -> "Growing":
        twin = Growing(self.blank, self.frame)
        twin.adopt(self)
        return twin


def blank_of(step: StepStarted) -> GrowingPart:
    if step.kind == "tool_call":
        return ToolCallPart(step.tool_call or ToolCall(id="", name=""))
    return TextPart("") if step.kind == "text" else ThinkPart("")
