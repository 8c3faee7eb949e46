"""Bytes of a connection into server-sent events, as the HTML standard says.  Pure."""

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

MOST_EVENT: Final = 1024 * 1024
"""Bytes of an event's data, and of a line: an answer has thousands of events of 300 bytes.  Longer
data (an image, a mistake, an attack) is only counted, and not kept."""

_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_DATA: Final = b"data: "


class ServerEvent(Struct, frozen=True, gc=False):
    """An event.  `data` may be empty if the event has a name."""

    data: bytes
    name: bytes = b""


class EventSplitter:
    """Takes bytes cut anywhere; gives the completed events, all at once.

    `overlong` counts the events that were longer than MOST_EVENT and are skipped; `dropped` counts
    the bytes of skipped events.
    """

    def __init__(self) -> None:
        self.overlong = 0
        self.dropped = 0
        self._rest = bytearray()  # a line without its end, at most MOST_EVENT
        self._at_start = True
        self._after_cr = False  # a following line feed belongs to the line before
        self._dropping_line = False
        self._data: list[bytes] = []
        self._size = 0
        self._name = b""
        self._is_overlong = False

    def feed(self, read: bytes) -> list[ServerEvent]:
        """The events completed by `read`, in order."""
        lines = self._complete_lines(read)
        events: list[ServerEvent] = []
        if lines and b"\r" not in lines and not self._is_amid_event():
            lines = self._take_whole_events(lines, events)
        if lines:
            self._take_lines(_lines(lines), events)
        return events

    def flush(self) -> list[ServerEvent]:
        """The last event, if the stream ended without a blank line after the event.

        The standard drops the event; here it is taken, because a provider's last `[DONE]` may come
        without a blank line.
        """
        return self.feed(b"\n\n")

    def _complete_lines(self, read: bytes) -> bytes:
        """All lines that have ended by now.  The rest is kept, within bounds."""
        if self._is_between_lines and read.endswith(b"\n\n"):
            return read
        if self._after_cr and read:
            read = read.removeprefix(b"\n")
            self._after_cr = False
        end = max(read.rfind(b"\n"), read.rfind(b"\r")) + 1
        if not end:
            self._keep(read)
            return b""
        self._after_cr = read.endswith(b"\r")
        whole = self._without_bom(bytes(self._rest) + read[:end] if self._rest else read[:end])
        if self._dropping_line:
            whole = _without_first_line(whole)
            self._dropping_line = False
        self._rest.clear()
        self._keep(read[end:])
        return whole

    @property
    def _is_between_lines(self) -> bool:
        return not (self._rest or self._after_cr or self._at_start or self._dropping_line)

    def _keep(self, more: bytes) -> None:
        self._rest += more
        if self._dropping_line or len(self._rest) > MOST_EVENT:
            self._dropping_line = self._is_overlong = True
            self.dropped += len(self._rest)
            self._rest.clear()

    def _without_bom(self, whole: bytes) -> bytes:
        if not self._at_start:
            return whole
        self._at_start = False
        return whole.removeprefix(_BOM)

    def _is_amid_event(self) -> bool:
        return bool(self._data or self._name or self._is_overlong)

    def _take_whole_events(self, lines: bytes, events: list[ServerEvent]) -> bytes:
        """The common case: events with a single `data:` line.  Returns the lines that are left."""
        blocks = lines.split(b"\n\n")
        rest = blocks.pop()
        for block in blocks:
            if block.startswith(_DATA) and b"\n" not in block and len(block) <= MOST_EVENT:
                events.append(ServerEvent(block[6:]))
            elif block:
                self._take_lines(_lines(block + b"\n\n"), events)
        return rest

    def _take_lines(self, lines: Iterable[bytes], events: list[ServerEvent]) -> None:
        for line in lines:
            if not line:
                self._end_event(events)
            elif self._is_overlong:
                self.dropped += len(line)
            else:
                self._take_field(line)

    def _take_field(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._size += len(value) + 1
            self._data.append(value)
            if self._size > MOST_EVENT:
                self._is_overlong = True
                self.dropped += self._size
                self._data.clear()
        elif field == b"event":
            self._name = value

    def _end_event(self, events: list[ServerEvent]) -> None:
        if self._is_overlong:
            self.overlong += 1
        elif self._data or self._name:
            events.append(ServerEvent(b"\n".join(self._data), self._name))
        self._data = []
        self._size, self._name, self._is_overlong = 0, b"", False


def _lines(whole: bytes) -> list[bytes]:
    """The lines in `whole` without their ends; every line has an end."""
    return _LINE_END.split(whole)[:-1]


def _without_first_line(whole: bytes) -> bytes:
    found = _LINE_END.search(whole)
    return whole[found.end() :] if found else b""
