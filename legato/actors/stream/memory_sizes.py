"""How much memory things take, about: within a third of what is there.  Pure."""

from collections.abc import Mapping
from sys import getsizeof
from typing import Any, Final, assert_never

from legato.content import (
    AgentUpdatePart,
    ErrorPart,
    Part,
    SteerPart,
    TextPart,
    ThinkPart,
    ToolCallPart,
    ToolListPart,
    UrlCitation,
)

JOB_BYTES: Final = 27_000
"""A job that has ended and said nothing: its actor, its tasks and its places in tables."""

EVENT_BYTES: Final = 200
"""An event that stands by itself."""


def size_of_json(value: Any) -> int:
    """The size of all texts, numbers and containers."""
    size, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        size += getsizeof(each)
        if isinstance(each, Mapping):
            waiting += each.keys()
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
    return size


def size_of_citation(citation: UrlCitation) -> int:
    return getsizeof(citation) + getsizeof(citation.url) + getsizeof(citation.title)


def size_of_part(part: Part) -> int:
    """A text takes one, two or four bytes a character, as its widest character needs."""
    match part:
        case TextPart(text):
            logprobs = getsizeof(part.logprobs) if part.logprobs else 0
            return getsizeof(text) + logprobs + sum(map(size_of_citation, part.annotations or ()))
        case ThinkPart(text) | ErrorPart(text):
            return getsizeof(text)
        case SteerPart():
            return getsizeof(part.steer)
        case ToolCallPart(call):
            return getsizeof(call.args) + getsizeof(call.output or "")
        case ToolListPart(_, tools):
            return getsizeof(tools)
        case AgentUpdatePart():
            return getsizeof(part)
        case _:
            assert_never(part)
