"""How deep what clients send may be nested, and of how many parts it may be."""

from collections.abc import Iterable, Sized
from typing import Any, Final

from legato.http.errors import InvalidField

MAX_NESTING: Final = 64
"""Of what is handed on unread: who walks it must not run out of stack.  Schemas have ten."""


MAX_MESSAGES: Final = 4096
"""In one request: each takes some 20 µs, for which nobody else is served."""


def check_count(name: str, messages: Sized) -> None:
    """Raises InvalidField."""
    if len(messages) > MAX_MESSAGES:
        raise InvalidField(name, f"found {len(messages)}; {MAX_MESSAGES} are allowed")


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
