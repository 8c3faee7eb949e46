"""The range of integers in JSON: no larger than every part of Legato can hand on.

JSON has integers of any size, and msgspec's decoder takes any size.  Replicas speak msgpack, whose
integers have 64 bits.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from msgspec import json, msgpack

from legato.http.errors import InvalidField, shortened

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1

ALLOWED: Final = "integers from -2**63 to 2**64-1 are allowed"

_SHOWN: Final = 40  # digits of the integer that a refusal shows
_LOOKED_AT: Final = 8192  # values in the search for the refused field: more would hold the loop
_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG: Final = (b"0" * 20, b"-" + b"0" * 19)
"""A shorter run of digits is never an integer out of range.  A run of this length may be harmless:
in a text, or in a fraction."""

_encode: Final = msgpack.Encoder().encode

PathStep = str | int
"""A field's name, or a place in an array, from 0."""

Path = tuple["Path", PathStep] | None
"""The way to a value: the way to the parent, and one step."""


def check_integers(data: bytes) -> None:
    """Raises InvalidField where JSON has an integer out of range.

    Unknown fields are checked, too: an unknown field could hide another field of the same name.

    Raises:
        MsgspecError, UnicodeDecodeError, RecursionError: where `data` cannot be read as a whole.
    """
    if not _may_be_out_of_range(data):
        return
    body = json.decode(data)
    try:
        _encode(body)
    except OverflowError:
        raise _refusal(body) from None


def _may_be_out_of_range(data: bytes) -> bool:
    zeros = data.translate(_ZEROS)
    return any(run in zeros for run in _LONG)


def _refusal(body: Any) -> InvalidField:
    for path, value in islice(_values(body), _LOOKED_AT):
        if type(value) is int and not MIN_INTEGER <= value <= MAX_INTEGER:
            digits = shortened(str(value), _SHOWN)
            return InvalidField(_name(path) or "body", f"found the integer {digits}; {ALLOWED}")
    return InvalidField("body", f"found an integer out of range; {ALLOWED}")


def _values(body: Any) -> Iterator[tuple[Path, Any]]:
    """All values with their paths, level by level."""
    yield None, body
    waiting: list[tuple[Path, Any]] = [(None, body)]
    for path, parent in waiting:  # a list that grows meanwhile
        for step, value in _children(parent):
            if isinstance(value, dict | list):
                waiting.append(((path, step), value))
            yield (path, step), value


def _children(parent: Any) -> Iterable[tuple[PathStep, Any]]:
    match parent:
        case dict():
            return parent.items()
        case list():
            return enumerate(parent)
    return ()


def _name(path: Path) -> str:
    """A path as text, for example `tools[0].function.parameters.maximum`."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(f".{step}" if isinstance(step, str) else f"[{step}]")
    return "".join(reversed(steps)).removeprefix(".")
