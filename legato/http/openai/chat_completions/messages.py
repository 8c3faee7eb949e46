"""The messages of a request to Chat Completions: checked as far as all providers agree."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from legato.dialects.completion_object import EXTENSION
from legato.http.errors import InvalidField, TooLarge
from legato.http.input.nesting import check_count
from legato.http.openai.chat_completions.functions import ROLE
from legato.models.contract import ChatMessage

Given = Mapping[str, Any]
MessageRole = Literal["system", "user", "assistant", "tool"]

_ROLES: Final[Mapping[str, MessageRole]] = {
    "system": "system",
    "developer": "system",  # OpenAI's later word, which other providers do not know
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_INSTEAD: Final = ("tool_calls", "function_call", "refusal", "audio")
"""Fields of an assistant's message that may stand in place of a content."""


_NOT_HANDED_ON: Final = ("role", "content", EXTENSION)
"""Clients send whole messages back, with a field of ours, unknown to providers."""


def messages_of(given: Sequence[Given] | None, max_text: int) -> tuple[ChatMessage, ...]:
    """The messages for the model.

    Raises:
        InvalidField: where `given` is empty, or a message is malformed.
        TooLarge: where a text has more than `max_text` bytes.
    """
    if not given:
        raise InvalidField("messages", "one or more are needed")
    check_count("messages", given)
    return tuple(
        _message(f"messages[{index}]", message, max_text) for index, message in enumerate(given)
    )


def _message(place: str, given: Given, max_text: int) -> ChatMessage:
    role, content = _role(place, given), given.get("content")
    more = {name: value for name, value in given.items() if name not in _NOT_HANDED_ON}
    more = {name: value for name, value in more.items() if value is not None}
    if role == "tool" and not (isinstance(id_ := more.get("tool_call_id"), str) and id_):
        raise InvalidField(f"{place}.tool_call_id", "names the call that this is the result of")
    if content is None and not (role == "assistant" and any(more.get(key) for key in _INSTEAD)):
        raise InvalidField(f"{place}.content", "only an assistant's beside tool_calls may be null")
    _check_calls(f"{place}.tool_calls", more.get("tool_calls", ()))
    _check_content(f"{place}.content", content, max_text)
    return ChatMessage(role, content, more)


def _role(place: str, given: Given) -> MessageRole:
    role = given.get("role")
    if not (isinstance(role, str) and role in _ROLES):
        allowed = f"allowed are {', '.join((*_ROLES, ROLE))}"
        raise InvalidField(f"{place}.role", f"found {role!r:.80}; {allowed}")
    return _ROLES[role]


def _check_calls(place: str, calls: Any) -> None:
    if not isinstance(calls, list | tuple) or not all(isinstance(each, dict) for each in calls):
        raise InvalidField(place, f"found {calls!r:.80}; a list of calls is allowed")


def _check_content(place: str, content: Any, max_text: int) -> None:
    match content:
        case None:
            pass
        case str():
            _check_size(place, content, max_text)
        case [*parts] if parts:
            check_count(place, parts)
            for index, part in enumerate(parts):
                _check_part(f"{place}[{index}]", part, max_text)
        case _:
            raise InvalidField(place, f"found {content!r:.80}; text or content parts are allowed")


def _check_part(place: str, part: Any, max_text: int) -> None:
    """Check a content part; images and sounds are bounded by the size of the body."""
    match part:
        case {"type": "text", "text": str(text)}:
            _check_size(f"{place}.text", text, max_text)
        case {"type": "text"}:
            raise InvalidField(f"{place}.text", f"found {part.get('text')!r:.80}; needs a text")
        case {"type": str()}:
            pass
        case _:
            raise InvalidField(place, f"found {part!r:.80}; a content part has a type")


def _check_size(place: str, text: str, max_text: int) -> None:
    size = len(text.encode())
    if size > max_text:
        raise TooLarge(f"{place}: found {size} bytes; {max_text} are allowed", param=place)
