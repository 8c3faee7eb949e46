"""Splits a server's output into messages, of bounded length.  Pure."""

import re
from collections.abc import Iterator
from typing import Final

MOST_MESSAGE: Final = 1024 * 1024
"""Bytes of one message: sixteen times the text that a model is given of a result."""

_EDGE: Final = 256
"""Bytes of each end of a dropped message that are kept to find the message's id."""

_FIRST: Final = re.compile(rb'\A\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,18})\s*,')
_LAST: Final = re.compile(rb',\s*"id"\s*:\s*(\d{1,18})\s*\}\s*\Z')


class TooLong(Exception):
    """A message above the bound.  `request_id`: which request it answers, where that is known."""

    def __init__(self, request_id: int | None) -> None:
        super().__init__(f"a message of more than {MOST_MESSAGE} bytes")
        self.request_id = request_id


class LineSplitter:
    """Bytes in, lines out.  Of a line that is too long only both ends are kept."""

    def __init__(self, most: int = MOST_MESSAGE) -> None:
        self._most = most
        self._pieces: list[bytes] = []
        self._size = 0
        self._head: bytes | None = None  # of the line that is being dropped
        self._tail = b""

    def feed(self, data: bytes) -> Iterator[bytes | TooLong]:
        """Yield each line that `data` ends, without the newline; empty lines are left out."""
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._add(piece)
            line = self._end()
            if isinstance(line, TooLong) or line.strip():
                yield line
        self._add(rest)

    def _add(self, piece: bytes) -> None:
        if self._head is not None:
            self._tail = (self._tail + piece)[-_EDGE:]
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > self._most:
            whole = b"".join(self._pieces)
            self._head, self._tail = whole[:_EDGE], whole[-_EDGE:]
            self._pieces = []

    def _end(self) -> bytes | TooLong:
        line: bytes | TooLong = b"".join(self._pieces)
        if self._head is not None:
            line = TooLong(_id(self._head, self._tail))
        self._pieces, self._size, self._head, self._tail = [], 0, None, b""
        return line


def _id(head: bytes, tail: bytes) -> int | None:
    # Implementations write the id first or last; inside a result the text may say anything.
    found = _FIRST.search(head) or _LAST.search(tail)
    return int(found[1]) if found else None
