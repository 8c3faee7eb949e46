"""How much of a tool's result a model is given."""

from typing import Final

MOST_TEXT: Final = 64 * 1024
"""Bytes of UTF-8: some 16,000 tokens, which is half of what small models can read at all."""

NOTHING: Final = "(The tool returned nothing.)"
"""Some providers refuse an empty result."""


def shortened(text: str, most: int = MOST_TEXT) -> str:
    """The text, cut after `most` bytes with a note that says so."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= most:
        return text
    return data[:most].decode("utf-8", "ignore") + f"\n[cut: {len(data) - most} bytes more]"
