"""Bounds of nesting in JSON, and of the lengths of lists."""

from collections.abc import Iterable, Sized
from typing import Any, Final

from msgspec import json

from legato.http.errors import InvalidField

MAX_NESTING: Final = 64
"""Levels of values that are handed on unread: no reader may run out of stack.  Schemas have ten."""

MAX_MESSAGES: Final = 2048
"""Messages in a request, and parts in a message: each takes some 9 µs of the event loop."""

MAX_TOOLS: Final = 512
"""Tools in one request; OpenAI takes 128.  No model chooses well among more."""

MAX_PARAMETERS: Final = 256
"""Parameters beside an API's own; providers know some thirty."""


def check_count(name: str, found: Sized, most: int = MAX_MESSAGES) -> None:
    """Raises InvalidField."""
    if len(found) > most:
        raise InvalidField(name, f"found {len(found)}; {most} are allowed")


def check_body(data: bytes) -> None:
    """Raises InvalidField where a field of JSON, known or unknown, is nested too deeply.

    Raises:
        MsgspecError, UnicodeDecodeError, RecursionError: where `data` cannot be read as a whole.
    """
    if data.count(b"[") + data.count(b"{") <= MAX_NESTING:
        return
    body = json.decode(data)
    for name, value in body.items() if isinstance(body, dict) else [("body", body)]:
        check_nesting(name, value)


def check_nesting(name: str, value: Any) -> None:
    """Raises InvalidField for the field `name` where `value` is nested too deeply."""
    level: list[Any] = [value]
    for _ in range(MAX_NESTING):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise InvalidField(name, f"nested deeper than {MAX_NESTING} levels")


def _children(node: Any) -> Iterable[Any]:
    match node:
        case dict():
            return node.values()
        case list():
            return node
    return ()
