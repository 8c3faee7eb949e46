"""Bounds of JSON, checked before parsing, because parsing takes the time.

One pass over the bytes counts the costly things: values, and numbers at the ends of a float's
range.  To parse a number at the ends takes up to 50 µs, any other number 0.05.
"""

from collections.abc import Iterator
from typing import Final

import trio

from legato.http.errors import InvalidField

MAX_VALUES: Final = 16 * 1024
"""Values in one body.  A long conversation with many tools has a few thousand; to parse this many
takes up to 15 ms, in which nobody else is served."""

MAX_EXTREMES: Final = 256
"""Numbers with exponents of three digits or more.  A schema may have the largest float there is."""

MAX_CONTAINERS: Final = 6 * 1024
"""Objects and arrays among the values: as many as 2,048 messages of one part each.  While a
generation runs, Python's collector visits the request's objects again and again, and nobody is
served meanwhile."""

WINDOW: Final = 512 * 1024
"""Bytes that are counted before other tasks have a turn: some 5 ms for nothing but escapes."""

_SAME: Final = bytes.maketrans(b"123456789E+", b"000000000e-")
_EXPONENTS: Final = (b"e000", b"e-000")


async def check_json(data: bytes) -> None:
    """Raises InvalidField where JSON exceeds one of the bounds."""
    counted = Counted()
    for window in (data[at : at + WINDOW] for at in range(0, len(data), WINDOW)):
        await _breathe(data)
        counted.add(window)
    if counted.is_fine:
        return
    counted = Counted()
    for window in outside_texts(data):
        await _breathe(data)
        counted.add(window)
        counted.check()


async def _breathe(data: bytes) -> None:
    """Let other tasks have a turn, where `data` takes longer than a turn."""
    if len(data) > WINDOW:
        await trio.lowlevel.checkpoint()


class Counted:
    def __init__(self) -> None:
        self._values = 0
        self._containers = 0
        self._extremes = 0

    def add(self, json: bytes) -> None:
        containers = json.count(b"[") + json.count(b"{")
        self._containers += containers
        self._values += json.count(b",") + containers
        same = json.translate(_SAME)
        self._extremes += sum(same.count(exponent) for exponent in _EXPONENTS)

    @property
    def is_fine(self) -> bool:
        return (
            self._values <= MAX_VALUES
            and self._containers <= MAX_CONTAINERS
            and self._extremes <= MAX_EXTREMES
        )

    def check(self) -> None:
        """Raises InvalidField."""
        if self._values > MAX_VALUES:
            _refuse(f"more than {MAX_VALUES} values; {MAX_VALUES} are allowed")
        if self._containers > MAX_CONTAINERS:
            found = f"more than {MAX_CONTAINERS} objects and arrays"
            _refuse(f"{found}; {MAX_CONTAINERS} are allowed")
        if self._extremes > MAX_EXTREMES:
            found = f"more than {MAX_EXTREMES} numbers with exponents of three digits"
            _refuse(f"{found}; {MAX_EXTREMES} are allowed")


def outside_texts(data: bytes) -> Iterator[bytes]:
    """The bytes of JSON outside of texts, window by window."""
    at, is_inside = 0, 0
    while at < len(data):
        end = _end_of_window(data, at)
        plain = data[at:end].replace(b"\\\\", b"").replace(b'\\"', b"")
        pieces = plain.split(b'"')
        yield b"".join(pieces[is_inside::2])
        is_inside = (is_inside + len(pieces) - 1) % 2
        at = end


def _end_of_window(data: bytes, at: int) -> int:
    """About WINDOW bytes on, and in no escape."""
    end = min(at + WINDOW, len(data))
    slashes = len(data[at:end]) - len(data[at:end].rstrip(b"\\"))
    return min(end + slashes % 2, len(data))


def _refuse(found: str) -> None:
    raise InvalidField("body", f"found {found}")
