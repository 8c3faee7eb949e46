"""How much of a tool's result a model is given."""

from typing import Any, Final

from msgspec import json

MOST_TEXT: Final = 64 * 1024
"""Bytes of UTF-8: some 16,000 tokens, which is half of what small models can read at all."""

NOTHING: Final = "(The tool returned nothing.)"
"""Some providers refuse an empty result."""


def as_result(value: Any) -> str:
    """An answer in JSON, of people or of a client, as a model reads it: a text as it is."""
    text = value if isinstance(value, str) else json.encode(value).decode()
    return shortened(text) or NOTHING


def shortened(text: str, most: int = MOST_TEXT) -> str:
    """The text, cut after `most` bytes with a note that says so."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= most:
        return text
    return data[:most].decode("utf-8", "ignore") + f"\n[cut: {len(data) - most} bytes more]"
