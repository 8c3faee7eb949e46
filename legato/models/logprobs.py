"""The log probabilities of an answer's tokens, read as a whole.  Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, ValidationError, convert, json

MOST_LOGPROBS: Final = 2 * 1024 * 1024
"""Bytes of an answer's logprobs: 1,500 tokens with 20 alternatives each, or 25,000 bare tokens."""

MOST_TOKENS: Final = 16_000
"""Tokens of a chunk, and as many alternatives: read in five milliseconds."""

_Finite = Annotated[float, Meta(ge=-1e300, le=1e300)]  # JSON has no infinity
_Byte = Annotated[int, Meta(ge=0, le=255)]


class _Token(Struct, frozen=True, gc=False):
    token: str
    logprob: _Finite
    bytes: tuple[_Byte, ...] | None = None


class _Chosen(_Token, frozen=True, gc=False):
    top_logprobs: tuple[_Token, ...] | None = None


class LogprobsReader:
    """Holds logprobs until taken, and counts the chunks left out.

    A token may be a piece of a character and come without text; then the logprobs wait for text.
    """

    def __init__(self) -> None:
        self.left_out = 0  # chunks whose logprobs are senseless, or too many
        self._held: list[str] = []
        self._room = MOST_LOGPROBS

    def hold(self, found: object) -> None:
        """Take the `logprobs` of a choice."""
        content = found.get("content") if isinstance(found, Mapping) else None
        if not content:
            return
        said = _json_of(content)
        if said is None or len(said) > self._room:
            self.left_out += 1
            return
        self._room -= len(said)
        self._held.append(said)

    def take(self) -> str:
        """Release all held logprobs, joined; "" for none."""
        held = ",".join(self._held)
        self._held.clear()
        return held


def _json_of(content: object) -> str | None:
    """The entries as LogprobsDelta has them; None for senseless or too many entries."""
    if not isinstance(content, list) or not _is_short(content):
        return None
    try:
        return _written(content)
    except (ValidationError, UnicodeEncodeError):  # the latter for half a surrogate pair
        return None


def _is_short(content: list[Any]) -> bool:
    if len(content) > MOST_TOKENS:
        return False
    others = (each.get("top_logprobs") for each in content if isinstance(each, dict))
    return sum(len(each) for each in others if isinstance(each, list)) <= MOST_TOKENS


def _written(content: list[Any]) -> str:
    said = json.encode(convert(content, list[_Chosen])).decode()[1:-1]
    # Clients want a list.  JSON escapes the quotes of a text: only a field is replaced here.
    return said.replace('"top_logprobs":null', '"top_logprobs":[]')
