"""Blank lines between the texts of an agent's run, where a wire has a single text for all.  Pure.

The model calls of a run each say a text: "Let me look." and "It is noon." are two paragraphs.
"""

from typing import Final, Literal, Self

from msgspec import UNSET

from legato.content import AgentPart, TextPart, ToolCallPart

Kind = Literal["text", "refusal", "think"]
Speaker = tuple[object, object]  # the agent's id, and the group's

BLANK_LINE: Final = "\n\n"


class BlankLines:
    """Tells the separator before each part of an answer, given in the order of the positions.

    The texts of a model call are a single text: thoughts may stand between two parts of the text,
    and tool calls may not.  A bare model makes a single call, and needs no separator.
    """

    def __init__(self) -> None:
        self._speakers: dict[Kind, Speaker] = {}  # of the last part of each kind
        self._interrupted: set[Kind] = set()  # kinds interrupted by the speaker's thoughts
        self._ended: set[Kind] = set()  # kinds ended by the speaker's tool calls

    def fork(self) -> Self:
        twin = type(self)()
        twin._speakers = dict(self._speakers)
        twin._interrupted, twin._ended = set(self._interrupted), set(self._ended)
        return twin

    def before(self, part: AgentPart) -> str:
        """The separator before the text of `part`; "" before a tool call."""
        speaker = part.agent_id, part.group_id
        if part.agent_id is UNSET:
            return ""
        same = {kind for kind, each in self._speakers.items() if each == speaker}
        if isinstance(part, ToolCallPart):
            self._ended |= same
            return ""
        kind = kind_of(part)
        goes_on = kind in same & self._interrupted - self._ended
        separator = BLANK_LINE if kind in self._speakers and not goes_on else ""
        self._speakers[kind] = speaker
        self._interrupted = (self._interrupted | same) - {kind}
        self._ended.discard(kind)
        return separator


def kind_of(part: AgentPart) -> Kind:
    """The kind of a part with words."""
    if isinstance(part, TextPart):
        return part.kind or "text"
    return "think"
