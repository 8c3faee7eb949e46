"""A client's words in the log: printable, and no longer than is of use."""

import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from structlog.typing import EventDict, ExcInfo

LONGEST_VALUE: Final = 500  # characters: the beginning of a path or a message is enough
LONGEST_EXCEPTION: Final = 6000  # characters of a traceback; twenty frames have some four thousand
MOST_FRAMES: Final = 20  # of each exception, the innermost

AGAIN_AFTER: Final = 60.0
"""Seconds after which a traceback of the same kind is written again.  A client that can cause an
error once can cause the error a thousand times a second."""

MAX_KINDS: Final = 256  # remembered kinds of tracebacks, the latest

_OFTEN: Final = "; its traceback is in the log already"


def bounded(logger: object, name: str, entry: EventDict) -> EventDict:
    """A processor: every value is printable and short; the exception is bounded already."""
    return {key: value if key == "exception" else _bounded(value) for key, value in entry.items()}


def _bounded(value: Any) -> Any:
    match value:
        case str():
            return printable(shortened(value, LONGEST_VALUE))
        case None | bool() | int() | float():
            return value
        case _ if len(repr(value)) > LONGEST_VALUE:
            return printable(shortened(repr(value), LONGEST_VALUE))
        case Mapping():
            return {_bounded(str(key)): _bounded(each) for key, each in value.items()}
        case list() | tuple():
            return [_bounded(each) for each in value]
        case _:
            return printable(repr(value))


def printable(text: str) -> str:
    """`text` in one line that moves no cursor: unprintable characters are escaped as in Python."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def shortened(text: str, most: int) -> str:
    """The beginning of `text`, and the number of characters left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most} more characters)"


class Tracebacks:
    """Exceptions as texts of several lines: in full unless the kind was written lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._written: dict[tuple[str, str], float] = {}  # when, by kind, in order of arrival

    def text(self, exc_info: ExcInfo) -> str:
        kind, now = _kind_of(exc_info[1]), self._clock()
        if now - self._written.get(kind, float("-inf")) < AGAIN_AFTER:
            said = "".join(traceback.format_exception_only(exc_info[1])).strip()
            return printable(shortened(said, LONGEST_VALUE)) + _OFTEN
        self._written.pop(kind, None)
        if len(self._written) >= MAX_KINDS:
            del self._written[next(iter(self._written))]
        self._written[kind] = now
        return _in_full(exc_info)


def _kind_of(error: BaseException) -> tuple[str, str]:
    """The exception's class, and its place in the code; for a group, the first exception's."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    place = f"{frames[0].filename}:{frames[0].lineno}" if frames else ""
    return type(error).__qualname__, place


def _in_full(exc_info: ExcInfo) -> str:
    formatted = traceback.TracebackException(*exc_info, limit=-MOST_FRAMES, compact=True)
    text = "".join(formatted.format()).rstrip("\n")
    if len(text) > LONGEST_EXCEPTION:  # the end says what went wrong
        text = f"(beginning left out) …{text[-LONGEST_EXCEPTION:]}"
    return "\n".join(map(printable, text.split("\n")))


def indented(logger: object, name: str, entry: EventDict) -> EventDict:
    """A processor for people's form: an exception's lines are indented.

    Otherwise a line of its message could look like the beginning of another entry.
    """
    if "exception" in entry:
        entry["exception"] = "\n".join(f"    {line}" for line in entry["exception"].split("\n"))
    return entry
