"""Bytes of an event stream, as they come off the connection, into the data of its events."""

import re
from typing import Final

import httpx
from httpx_sse import EventSource

# Two line ends of any kind.  Atomic: a CRLF must not count as two.
_BLANK_LINE: Final = re.compile(rb"(?>\r\n|\n|\r){2}")
_HEADERS: Final = httpx.Headers({"content-type": "text/event-stream; charset=utf-8"})


class EventSplitter:
    """Takes bytes cut anywhere; gives the events they complete, all at once.

    httpx-sse's public reader pulls events from a response one by one, so what one read of
    the connection brought can no longer be told apart.  Here the bytes are cut after the last
    blank line, where neither a character nor a line can be torn, and whole events go to
    httpx-sse.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, read: bytes) -> list[str]:
        """The data of each event that `read` completes, in order."""
        seen = max(0, len(self._rest) - 2)  # a blank line may lie across two reads
        self._rest += read
        ends = [match.end() for match in _BLANK_LINE.finditer(self._rest, seen)]
        if not ends:
            return []
        whole = bytes(self._rest[: ends[-1]])
        del self._rest[: ends[-1]]
        events = EventSource(httpx.Response(200, headers=_HEADERS, content=whole)).iter_sse()
        return [event.data for event in events]

    def flush(self) -> list[str]:
        """What stands before the end of the stream without a blank line of its own.

        The standard drops it; here it is taken, since a provider's last `[DONE]` may come so.
        """
        return self.feed(b"\n\n") if self._rest else []
