"""Parts of requests that a provider refuses, and requests without these parts.  Pure.

Servers of the same API refuse different fields, and name the field only in words.  Therefore a
refusal that names a field is a lesson: the request is made again without the field.  Once the
adapted request is answered, later requests are adapted from the start.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from legato.models.contract import Json

Adaptation = Literal["no_stream_options", "max_completion_tokens", "max_tokens", "alternate_roles"]

Body = Mapping[str, Json]

_UNFIT: Final = frozenset({400, 422})  # statuses with words about a wrong request
_TEMPLATE: Final = frozenset({*_UNFIT, 500})  # llama.cpp and vLLM: a template raised an error
_LIMITS: Final[Mapping[Adaptation, Adaptation]] = {
    "max_completion_tokens": "max_tokens",
    "max_tokens": "max_completion_tokens",
}
"""A name of the token limit, and the older or newer name to use instead."""

_NOT_TAKEN: Final = re.compile(
    r"unsupported|not supported|unknown|unrecognized|unexpected|extra|"
    r"not (permitted|allowed)|forbidden|instead",
    re.IGNORECASE,
)
_ALTERNATING: Final = re.compile(
    r"alternat|successive|interleave|in a row|consecutive", re.IGNORECASE
)
_JOINED: Final = ("system", "user", "assistant")


def lesson(status: int, words: str, body: Body) -> Adaptation | None:
    """The adaptation that may mend a refusal with `status` and `words`; None where nothing
    would."""
    if status in _UNFIT and "stream_options" in body and "stream_options" in words:
        return "no_stream_options"
    if status in _UNFIT and _NOT_TAKEN.search(words):
        for wanted, refused in _LIMITS.items():
            if refused in body and re.search(rf"\b{refused}\b", words):
                return wanted
    if status in _TEMPLATE and _ALTERNATING.search(words):
        return "alternate_roles"
    return None


def with_lesson(learned: frozenset[Adaptation], lesson: Adaptation) -> frozenset[Adaptation]:
    """The lessons with a new one, which replaces an opposite lesson."""
    return (learned - {_LIMITS.get(lesson, lesson)}) | {lesson}


def adapted(body: Body, learned: frozenset[Adaptation]) -> dict[str, Json]:
    """The request in a form that the provider takes."""
    made = dict(body)
    if "no_stream_options" in learned:
        made.pop("stream_options", None)
    for wanted, refused in _LIMITS.items():
        if wanted in learned and refused in made:
            made.setdefault(wanted, made.pop(refused))
            made.pop(refused, None)
    if "alternate_roles" in learned:
        made["messages"] = joined(made["messages"])  # type: ignore[arg-type]
    return made


def joined(messages: Sequence[Mapping[str, Any]]) -> list[Json]:
    """The messages, with neighbours of the same role joined if they have only a content."""
    made: list[Any] = []
    for message in messages:
        if made and _may_join(made[-1], message):
            made[-1] = {**message, "content": _both(made[-1]["content"], message["content"])}
        else:
            made.append(message)
    return made


def _may_join(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    return (
        first["role"] == second["role"]
        and first["role"] in _JOINED
        and first.keys() == second.keys() == {"role", "content"}
        and None not in (first["content"], second["content"])
    )


def _both(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> Sequence[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
