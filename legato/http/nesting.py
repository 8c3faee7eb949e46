"""How deep what clients send may be nested, and of how many parts it may be."""

from collections.abc import Iterable, Sized
from typing import Any, Final

from legato.http.errors import InvalidField

MAX_NESTING: Final = 64
"""Of what is handed on unread: who walks it must not run out of stack.  Schemas have ten."""

MAX_MESSAGES: Final = 4096
"""In one request: each takes some 20 µs, for which nobody else is served."""

MAX_VALUES: Final = 128 * 1024
"""In one body.  A long conversation with many tools has a few thousand; three megabytes of empty
arrays are a million, and to read and walk them takes seconds, for which nobody else is served."""


def check_values(data: bytes) -> None:
    """Raises InvalidField where JSON has more values than MAX_VALUES, about, before it is read."""
    if not _may_have(data, MAX_VALUES):
        return
    texts = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    most_quotes = 4 * MAX_VALUES  # of a key and a text
    if texts.count(b'"') > most_quotes or _may_have(_without_texts(texts), MAX_VALUES):
        raise InvalidField("body", f"found more than {MAX_VALUES} values; {MAX_VALUES} are allowed")


def _may_have(data: bytes, values: int) -> bool:
    return data.count(b",") + data.count(b"[") + data.count(b"{") > values


def _without_texts(data: bytes) -> bytes:
    return b"".join(data.split(b'"')[::2])


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
