"""h11 without ambiguous requests.

h11 reads a few forms that RFC 9112 lets a server refuse.  A proxy may read the same bytes in a
different way: the proxy's body is then a request to us, past the proxy's rules.  Each of these
forms is therefore refused, and nothing behind the request is read on the connection.
"""

import re
from typing import Final

import h11

ReadEvent = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]

VERSIONS: Final = (b"1.0", b"1.1")

MAX_LINES: Final = 512
"""Lines of a head.  Far fewer are allowed; the bound is here because parsing would take long."""

PREFACE: Final = (b"PRI", b"*", b"2.0")
"""Method, target and version of the line that begins HTTP/2 by prior knowledge."""

_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_FOLD: Final = re.compile(rb"\r\n[ \t]")
_LENGTHS: Final = re.compile(rb"(?i)\r\ncontent-length:([^\r]*)")
_SIZE: Final = rb"(?:\r\n)?[0-9A-Fa-f]{1,16}(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n"
_CHUNK: Final = re.compile(_SIZE)
_TRAILER: Final = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n"
_LAST_CHUNK: Final = re.compile(_SIZE + rb"(?:" + _TRAILER + rb")*\r\n")


class StrictConnection(h11.Connection):
    """`problem` is the reason, for people, of a refusal that h11 would not have made."""

    def __init__(self, max_incomplete: int, *, http2: bool) -> None:
        """`max_incomplete`: bytes of a head; `http2`: whether HTTP/2's preface is let through."""
        super().__init__(h11.SERVER, max_incomplete_event_size=max_incomplete)
        self.problem: str | None = None
        self.is_head = False  # whether the latest request is a HEAD, whose response has no body
        self._http2 = http2
        self._is_chunked = False
        self._framing = b""  # bytes around a chunk's data that are not checked yet

    def next_event(self) -> ReadEvent:
        """Raises h11.RemoteProtocolError for bytes that are not HTTP/1.1, or are ambiguous."""
        if self.their_state is h11.IDLE:
            return self._next_head()
        if self.their_state is h11.SEND_BODY and self._is_chunked:
            return self._next_chunk()
        return super().next_event()

    def _next_head(self) -> ReadEvent:
        self.is_head = False
        self._bound(self.trailing_data[0])
        event, head = self._consumed()
        if isinstance(event, h11.Request):
            self.is_head = event.method == b"HEAD"
            self._check(head, event)
            self._is_chunked = has(event, b"transfer-encoding")
        return event

    def _bound(self, came: bytes) -> None:
        end = came.find(b"\r\n\r\n")
        if came.count(b"\n", 0, None if end < 0 else end) > MAX_LINES:
            self._refuse(f"its head has more than {MAX_LINES} lines", status=431)

    def _check(self, head: bytes, request: h11.Request) -> None:
        parts = request.method, request.target, request.http_version
        if self._http2 and parts == PREFACE:
            return
        if request.http_version not in VERSIONS:
            self._refuse("this server speaks HTTP/1.1 here", status=505)
        if problem := problem_of(head, request):
            self._refuse(problem)

    def _next_chunk(self) -> ReadEvent:
        event, consumed = self._consumed()
        data = event.data if isinstance(event, h11.Data) else b""
        self._framing += consumed[: len(consumed) - len(data)]
        if isinstance(event, h11.Data | h11.EndOfMessage):
            form = _CHUNK if isinstance(event, h11.Data) else _LAST_CHUNK
            if self._framing and form.fullmatch(self._framing) is None:
                self._refuse("a chunk's size, its end or a trailer is malformed")
            self._framing = b""
        return event

    def _consumed(self) -> tuple[ReadEvent, bytes]:
        """The next event, and the bytes that the event was parsed from."""
        before = self.trailing_data[0]
        event = super().next_event()
        return event, before[: len(before) - len(self.trailing_data[0])]

    def _refuse(self, problem: str, *, status: int = 400) -> None:
        self.problem = problem
        raise h11.RemoteProtocolError(problem, error_status_hint=status)


def problem_of(head: bytes, request: h11.Request) -> str | None:
    """The reason, for people, why a request's head is ambiguous; None for a clear head."""
    lengths = _LENGTHS.findall(head)
    is_sized, is_chunked = bool(lengths), has(request, b"transfer-encoding")
    if _BARE.search(head):
        return "a line of its head does not end in CR LF"
    if _FOLD.search(head):
        return "a header field is folded over several lines"
    if len(lengths) > 1 or any(b"," in length for length in lengths):
        return "it has several lengths; one Content-Length is allowed"
    if is_sized and is_chunked:
        return "it has Content-Length and Transfer-Encoding; one of them is allowed"
    if is_chunked and request.http_version == b"1.0":
        return "Transfer-Encoding is no part of HTTP/1.0"
    if (is_sized or is_chunked) and is_websocket(request):
        return "a WebSocket's handshake has no body"
    if not is_origin_form(request):
        return "its target is not a path; found an absolute one, or none"
    return None


def is_origin_form(request: h11.Request) -> bool:
    is_asterisk = request.target == b"*" and request.method == b"OPTIONS"
    return is_asterisk or request.target.startswith(b"/")


def is_websocket(request: h11.Request) -> bool:
    """Whether the request is a WebSocket's handshake."""
    if request.method != b"GET" or _words(request, b"upgrade") != [b"websocket"]:
        return False
    return b"upgrade" in _words(request, b"connection")


def _words(request: h11.Request, name: bytes) -> list[bytes]:
    return [word.strip().lower() for word in values_of(request, name)]


def values_of(request: h11.Request, name: bytes) -> list[bytes]:
    """The values of all fields of that name, split at commas."""
    found = (value for each, value in request.headers if each == name)
    return [part for value in found for part in value.split(b",")]


def has(request: h11.Request, name: bytes) -> bool:
    return any(each == name for each, _ in request.headers)
