"""How deep what clients send may be nested, and how many there may be of what it lists."""

from collections.abc import Iterable, Sized
from typing import Any, Final

from msgspec import json

from legato.http.errors import InvalidField

MAX_NESTING: Final = 64
"""Of what is handed on unread: who walks it must not run out of stack.  Schemas have ten."""

MAX_MESSAGES: Final = 2048
"""In one request, and parts in one message: each takes some 9 µs, and nobody else is served."""

MAX_TOOLS: Final = 512
"""In one request; OpenAI takes 128.  No model chooses well among so many."""

MAX_PARAMETERS: Final = 256
"""Names beside those of an API itself; providers know some thirty."""


def check_count(name: str, found: Sized, most: int = MAX_MESSAGES) -> None:
    """Raises InvalidField."""
    if len(found) > most:
        raise InvalidField(name, f"found {len(found)}; {most} are allowed")


def check_body(data: bytes) -> None:
    """Raises InvalidField where a field of JSON is nested too deeply, whether or not it is read.

    Raises:
        MsgspecError, UnicodeDecodeError, RecursionError: where it cannot be read as a whole.
    """
    if data.count(b"[") + data.count(b"{") <= MAX_NESTING:
        return
    body = json.decode(data)
    for name, value in body.items() if isinstance(body, dict) else [("body", body)]:
        check_nesting(name, value)


def check_nesting(name: str, value: Any) -> None:
    """Raises InvalidField, which calls it `name`, where it is nested too deeply."""
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
