"""The tools that somebody allowed for all of a conversation: told by its stored answers.  Pure."""

from collections.abc import Iterable

from legato.content import Part, ToolCallPart
from legato.events import Snapshot


def allowed_in(content: Iterable[Part]) -> frozenset[str]:
    """The tools that somebody allowed, in a stored answer, for all of the conversation."""
    calls = (part.tool_call for part in content if isinstance(part, ToolCallPart))
    return frozenset(call.name for call in calls if call.always_allowed)


def allowed_tools(snapshot: Snapshot) -> frozenset[str]:
    """The tools that somebody allowed, in this answer, for all of the conversation."""
    always = {ask_id for ask_id, answer in snapshot.answers.items() if answer.allows_tool}
    return frozenset(ask.payload["name"] for ask in snapshot.asks if ask.ask_id in always)
