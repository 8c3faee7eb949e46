"""A field from a provider, whatever the field turns out to be.  Pure.

Servers write the same field as a text, a number, a list of parts, an object or null.  A senseless
field is read as if it were absent: an odd field never ends an answer.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

MOST_TOKENS: Final = 2**53 - 1
"""The greatest integer that every reader of JSON can hold; no answer has as many tokens."""

MOST_CALLS: Final = 2**31 - 1

_PART_TEXTS: Final = ("text", "thinking", "content", "summary", "refusal")
"""Where the kinds of content parts have their text."""

_LONGEST_NUMBER: Final = 32  # characters
_GREATEST_SAID: Final = 1e300  # as a text; Python may refuse to write greater integers
_DEEPEST: Final = 4  # a thought is a part with a list of parts with a text


def mapping_in(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def mappings_in(found: object) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; an object alone counts as a list."""
    for each in found if isinstance(found, list) else (found,):
        if isinstance(each, dict):
            yield each


def text_in(found: object) -> str:
    """A text, the digits of a number, or the texts of content parts, joined; "" for all else."""
    if type(found) is str:
        return found
    return "".join(_texts(found, _DEEPEST)) if found is not None else ""


def _texts(found: object, depth: int) -> Iterator[str]:
    match found:
        case str():
            yield found
        case bool():
            return
        case int() | float() if abs(found) <= _GREATEST_SAID:
            yield str(found)
        case list() if depth:
            for each in found:
                yield from _texts(each, depth - 1)
        case dict() if depth:
            first = next((found[name] for name in _PART_TEXTS if found.get(name)), None)
            yield from _texts(first, depth - 1)
        case _:
            return


def name_in(found: object, most: int) -> str:
    """At most `most` characters of a text; "" for anything else."""
    return encodable(found[:most]) if isinstance(found, str) else ""


def encodable(text: str) -> str:
    """The text with a replacement character for each lone half of a surrogate pair."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def json_in(found: object) -> str:
    """A text of JSON; any other value as JSON; "" for null."""
    if type(found) is str:
        return found
    return "" if found is None else json.dumps(found, ensure_ascii=False)


def number_in(found: object) -> float | None:
    """A finite number, also from a text."""
    if isinstance(found, str) and len(found) <= _LONGEST_NUMBER:
        try:
            found = float(found)
        except ValueError:
            return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return found if -math.inf < found < math.inf else None


def count_in(found: object) -> int | None:
    """A count of tokens, moved into the possible range; None for anything but a number."""
    number = number_in(found)
    return None if number is None else int(min(max(number, 0), MOST_TOKENS))


def index_in(found: object) -> int | None:
    """The number of a choice or a call; None for any other value."""
    number = number_in(found)
    if number is None or not 0 <= number <= MOST_CALLS or number != int(number):
        return None
    return int(number)
