"""Writes TOML: the standard library only reads TOML."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import json


def toml_of(table: Mapping[str, Any]) -> str:
    """Write a table of JSON values, a key on each line; null is left out, as TOML has none."""
    return "".join(f"{line}\n" for line in _lines(table))


def _lines(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if value is not None:
            yield f"{_text(key)} = {_value(value)}"


def _value(value: Any) -> str:
    match value:
        case str():
            return _text(value)
        case dict():
            return "{" + ", ".join(_lines(value)) + "}"
        case list() | tuple():
            return "[" + ", ".join(_value(each) for each in value if each is not None) + "]"
        case _:
            return json.encode(value).decode()


def _text(text: str) -> str:
    """JSON's form of a text is TOML's as well, but for DEL."""
    return json.encode(text).decode().replace("\x7f", "\\u007f")
