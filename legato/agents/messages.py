"""A run's calls as messages that a model reads.  Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import UNSET

from legato.agents.calls import ModelCall, calls_in
from legato.content import Part, SteerPart, TextPart, ToolCall
from legato.models.contract import ChatMessage

NO_RESULT: Final = "No result: the answer ended during this call, which may have happened."
"""The result of a call which a stop or a failure ended: providers refuse an empty result."""


def messages_of(call: ModelCall, handoff: ToolCall | None = None) -> Iterator[ChatMessage]:
    """A model call as a model reads it: the text, the tool calls, and a message for each result.

    `handoff`: a tool call that is left out, with its result.
    """
    calls = [] if call.is_steered else call.tool_calls  # a cut call's arguments may be no JSON
    shown = [each for _, each in calls if each is not handoff]
    asked = {"tool_calls": [_asked(each) for each in shown]} if shown else {}
    if call.text or shown:
        yield ChatMessage("assistant", call.text or None, asked, call.thoughts)
    for each in shown:
        output = NO_RESULT if each.output is UNSET else each.output
        yield ChatMessage("tool", output, {"tool_call_id": each.id})


def messages_in(content: Sequence[Part]) -> Iterator[ChatMessage]:
    """A stored answer as a model reads it, with the tool calls and their results."""
    for call in calls_in(content):
        yield from words_before(call)
        yield from messages_of(call)


def words_before(call: ModelCall) -> Iterator[ChatMessage]:
    """The steers that the model read first in a call."""
    return (ChatMessage("user", text) for text in call.steers)


def begun(content: Sequence[Part]) -> Iterator[ChatMessage]:
    """The answer so far, for a bare model to go on from: its texts, and the steers between."""
    text = ""
    for part in content:
        if isinstance(part, SteerPart):
            if text:
                yield ChatMessage("assistant", text)
            yield ChatMessage("user", part.steer)
            text = ""
        elif isinstance(part, TextPart):
            text += part.text
    if text:
        yield ChatMessage("assistant", text)


def _asked(call: ToolCall) -> Mapping[str, object]:
    function = {"name": call.name, "arguments": call.args or "{}"}
    return {"id": call.id, "type": "function", "function": function}
