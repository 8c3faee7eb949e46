"""An event's data as a chunk of an answer, read field by field.  Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

from legato.content import Usage
from legato.models.fields import count_in, index_in, mapping_in, mappings_in, name_in, text_in

MOST_FALLBACK: Final = 1024 * 1024  # bytes; Python's own JSON takes 15 ms for as much
LONGEST_REASON: Final = 64
"""Characters of a finish reason, a service tier, a fingerprint: words such as `content_filter`."""

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_LONGEST_INTEGER: Final = 64  # digits: what is longer is no count of anything

_THOUGHTS: Final = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
"""DeepSeek and most others, OpenRouter and Groq, some of Anthropic's followers, Copilot."""

_WITH_THOUGHTS: Final = frozenset((*_THOUGHTS, "reasoning_details"))
_THOUGHT_PARTS: Final = ("thinking", "reasoning", "redacted_thinking")

CompletionChunk = Mapping[str, Any]


def chunks_in(data: bytes) -> list[CompletionChunk] | None:
    """The chunk in `data`, or a list's chunks; None for unreadable data.

    Nothing (`null`, an empty text) is an empty list.
    """
    try:
        return [_decode(data)]
    except (msgspec.DecodeError, ValueError, RecursionError):  # ValueError: a key is not UTF-8
        return _unusual(data)


def _unusual(data: bytes) -> list[CompletionChunk] | None:
    """The chunks of data that strict JSON refuses: halves of a surrogate pair, -Infinity."""
    if not data.strip():
        return []
    if len(data) > MOST_FALLBACK:
        return None
    try:
        found = json.loads(data.decode(errors="replace"), parse_int=_integer)
    except (ValueError, RecursionError):
        return None
    if found is None:
        return []
    return list(mappings_in(found)) or None


def _integer(digits: str) -> int | float:
    """Python refuses to read an integer of thousands of digits."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def choice_in(chunk: CompletionChunk) -> Mapping[str, Any] | None:
    """The first choice, because nobody asks for more; None for a chunk without choices."""
    choices = chunk.get("choices")
    if type(choices) is list and len(choices) == 1 and type(choices[0]) is dict:
        found = choices[0]
        return found if not found.get("index") or not index_in(found["index"]) else None
    return next((each for each in mappings_in(choices) if not index_in(each.get("index"))), None)


def fact_in(chunk: CompletionChunk, name: str) -> str:
    """A word of the provider about how the answer was served; "" where not given."""
    found = chunk.get(name)
    return name_in(found, LONGEST_REASON) if found else ""


def delta_in(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """The delta of a choice; a whole completion has a `message` instead."""
    delta = choice.get("delta")
    if type(delta) is dict and delta:
        return delta
    return mapping_in(choice.get("delta")) or mapping_in(choice.get("message"))


def thought_in(delta: Mapping[str, Any]) -> str:
    """The thoughts in a delta; a thought under two names is read once."""
    if _WITH_THOUGHTS.isdisjoint(delta) and type(delta.get("content")) is not list:
        return ""
    for name in _THOUGHTS:
        if (found := delta.get(name)) and (text := text_in(found)):
            return text
    content = delta.get("content")
    if type(content) is list and (text := text_in([*filter(_is_thought, content)])):
        return text
    return text_in(delta.get("reasoning_details"))


def said_in(delta: Mapping[str, Any]) -> str:
    """The text in a delta, without thoughts and refusals."""
    content = delta.get("content")
    if type(content) is str:
        return content
    if type(content) is list:
        content = [part for part in content if not (_is_thought(part) or _is_refusal(part))]
    return text_in(content)


def refusal_in(delta: Mapping[str, Any]) -> str:
    """The refusal in a delta: a field, or some of the content's parts."""
    content = delta.get("content")
    parts = [*filter(_is_refusal, content)] if type(content) is list else None
    return text_in(delta.get("refusal")) or text_in(parts)


def _is_thought(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") in _THOUGHT_PARTS


def _is_refusal(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") == "refusal"


def finish_in(choice: Mapping[str, Any]) -> str:
    reason = choice.get("finish_reason")
    return name_in(reason, LONGEST_REASON) if reason else ""


def usage_in(chunk: CompletionChunk, choice: Mapping[str, Any] | None) -> Usage | None:
    """The usage in a chunk.  Moonshot has the usage in the choice, Groq under the name `x_groq`.

    None for a chunk without usage.
    """
    found = mapping_in(chunk.get("usage"))
    found = found or mapping_in(mapping_in(chunk.get("x_groq")).get("usage"))
    found = found or (mapping_in(choice.get("usage")) if choice else {})
    if not found:
        return None
    details = mapping_in(found.get("completion_tokens_details"))
    prompt = count_in(found.get("prompt_tokens"))
    completion = count_in(found.get("completion_tokens"))
    reasoning = count_in(details.get("reasoning_tokens", found.get("reasoning_tokens")))
    cached = _cached_in(found)
    if (prompt, completion, reasoning, cached) == (None, None, None, None):
        return None
    return Usage(
        prompt or 0,
        completion or 0,
        UNSET if reasoning is None else reasoning,
        UNSET if cached is None else cached,
    )


def _cached_in(usage: Mapping[str, Any]) -> int | None:
    """The cached tokens by the names of OpenAI, DeepSeek and Moonshot."""
    details = mapping_in(usage.get("prompt_tokens_details"))
    ways = (
        details.get("cached_tokens"),
        usage.get("prompt_cache_hit_tokens"),
        usage.get("cached_tokens"),
    )
    return next((count for way in ways if (count := count_in(way)) is not None), None)
