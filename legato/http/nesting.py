"""How deep what clients send may be nested."""

from collections.abc import Iterable
from typing import Any, Final

from legato.http.errors import InvalidField

MAX_NESTING: Final = 64
"""Of what is handed on unread: who walks it must not run out of stack.  Schemas have ten."""


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
