"""Numbers that a provider says beside its answer: what makes no sense ends no answer."""

from typing import Any, Final

import msgspec
from msgspec import Raw

MOST_TOKENS: Final = 2**53 - 1
"""The greatest integer that every reader of JSON can hold; no answer has so many."""

MOST_CALLS: Final = 2**31 - 1

NOTHING: Final = Raw(b"null")


def value_in(raw: Raw) -> Any:
    """None where JSON's grammar allows a number that nobody can hold, as 1e999."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None


def tokens_in(found: object) -> int:
    """A count of tokens: 0 for what is no number, the nearest that can be for one that cannot."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        return 0
    return int(min(max(found, 0), MOST_TOKENS))


def index_in(found: object) -> int | None:
    """The number of a tool call; None for what can be none."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return int(found) if 0 <= found <= MOST_CALLS and found == int(found) else None
