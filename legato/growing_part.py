"""A part of an answer that grows in many small pieces.  Pure."""

from typing import Any, Final, Self, assert_never

from msgspec import UNSET
from msgspec.structs import replace

from legato.content import (
    AgentUpdatePart,
    ErrorPart,
    Part,
    SteerPart,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolCallPart,
    ToolListPart,
    UrlCitation,
    WholePart,
)
from legato.events import Origin, StepStarted

JOIN_EVERY: Final = 1024  # pieces: as many small texts take ten times the memory of one


class GrowingPart:
    """Growing costs a list append, reading one join, a fork a few thousand pointers at most."""

    __slots__ = ("_annotations", "_joined", "_logprobs", "_part", "_pieces", "kind")

    def __init__(self, part: Part) -> None:
        """`part`: what the growing begins with."""
        self.kind = type(part)
        self._part = part
        self._joined: list[str] = []
        self._pieces: list[str] = []
        self._logprobs: list[str] = []
        self._annotations = part.annotations if isinstance(part, TextPart) else UNSET

    def grow(self, more: str) -> None:
        self._pieces.append(more)
        if len(self._pieces) == JOIN_EVERY:
            self._joined.append("".join(self._pieces))
            self._pieces.clear()

    def add_logprobs(self, more: str) -> None:
        """`more`: the logprobs of the text before; see LogprobsDelta."""
        self._logprobs.append(more)

    def annotate(self, annotation: UrlCitation) -> int:
        """Return the annotation's number in the part, from 0."""
        before = self._annotations or ()
        self._annotations = (*before, annotation)
        return len(before)

    def read(self) -> Part:
        """All of the part so far."""
        if self._logprobs and isinstance(self._part, TextPart):
            before = [self._part.logprobs] if self._part.logprobs else []
            self._part = replace(self._part, logprobs=",".join(before + self._logprobs))
            self._logprobs.clear()
        if isinstance(self._part, TextPart) and self._part.annotations is not self._annotations:
            self._part = replace(self._part, annotations=self._annotations)
        if self._joined or self._pieces:
            self._part = extended(self._part, "".join(self._joined + self._pieces))
            self._joined.clear()
            self._pieces.clear()
        return self._part

    def fork(self) -> Self:
        """Make a second part with the same text, which grows alone."""
        twin = type(self)(self._part)
        twin._joined, twin._pieces = self._joined[:], self._pieces[:]
        twin._annotations = self._annotations
        twin._logprobs = self._logprobs[:]
        return twin


def blank(step: StepStarted) -> TextPart | ThinkPart | ToolCallPart | WholePart:
    """The part that a step begins with."""
    origin = _named(step.origin)
    match step.kind:
        case "text":
            return TextPart("", **origin)
        case "refusal":
            return TextPart("", "refusal", **origin)
        case "think":
            return ThinkPart("", **origin)
        case "tool_call":
            return ToolCallPart(step.tool_call or ToolCall(id="", name=""), **origin)
        case "agent_update" | "tool_list":
            assert step.whole is not None, "a part without growth is there from the beginning"
            return step.whole
        case _:
            assert_never(step.kind)


def _named(origin: Origin) -> dict[str, Any]:
    """The agent of a step, in the fields of a part; nothing for a step of a bare model."""
    named = {"agent_id": origin.agent_id, "group_id": origin.group_id}
    return {field: value for field, value in named.items() if value is not None}


def completed(part: GrowingPart, call: ToolCall) -> GrowingPart:
    """The part of a tool call with its result: `call` has all arguments."""
    return GrowingPart(replace(part.read(), tool_call=call))


def extended(part: Part, more: str) -> Part:
    """Raises ValueError for a part of which there is never more."""
    match part:
        case TextPart(text):
            return replace(part, text=text + more)
        case ThinkPart(think):
            return replace(part, think=think + more)
        case ToolCallPart(call):
            return replace(part, tool_call=replace(call, args=call.args + more))
        case AgentUpdatePart() | ToolListPart() | ErrorPart() | SteerPart():
            raise ValueError(f"{type(part).__name__} does not grow")
        case _:
            assert_never(part)
