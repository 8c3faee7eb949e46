"""A keep-alive connection to a server, used by requests in turn."""

import json
import re
import socket
from typing import Any, Final

from legato.bench import BenchError
from legato.bench.readers import receiving

_SERVED: Final = 900  # requests on a connection: Hypercorn closes a connection after 1,000
_HEAD_END: Final = b"\r\n\r\n"
# of a stream: the last chunk ends a line, and no chunk follows
_BODY_END: Final = b"\n\r\n0\r\n\r\n"
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: (\d+)")

STREAM: Final = "/api/agents/chat/stream/"
STOP: Final = "/api/agents/chat/abort"


class BlockingClient:
    """A blocking client, thin above the socket, because the client's time is in the figures."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._served = 0
        self._receive = receiving()
        self._socket = self._connected()

    def __enter__(self) -> "BlockingClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _connected(self) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain

    def send(self, method: str, target: str, body: bytes = b"") -> None:
        if self._served == _SERVED:
            self._socket.close()
            self._socket, self._served = self._connected(), 0
        self._served += 1
        self._socket.sendall(request(method, target, self._token, body))

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def received(self, end: bytes, start: bytes = b"") -> bytes:
        """The bytes that come until `end`, with `start`, the bytes read before, in front.

        Raises:
            BenchError: if the connection ends first.
        """
        came = bytearray(start)
        seen = 0
        while came.find(end, max(0, seen - len(end))) < 0:
            seen = len(came)
            piece = self._receive(self._socket)
            if not piece:
                raise BenchError(f"the server ended a connection after {bytes(came)[:200]!r}")
            came += piece
        return bytes(came)

    def rest_of_stream(self, start: bytes) -> bytes:
        """A whole response to the end of the body, with `start`, the bytes read before, in
        front."""
        return self.received(_BODY_END, start)

    def json(self, method: str, target: str, body: object) -> Any:
        """The JSON that answers a request."""
        self.send(method, target, json.dumps(body).encode())
        return self.answer()

    def answer(self) -> Any:
        """The JSON of the next answer.

        Raises:
            BenchError: if the answer is a refusal.
        """
        head, _, body = self.received(_HEAD_END).partition(_HEAD_END)
        length = _LENGTH.search(head)
        while length and len(body) < int(length[1]):
            body += self._receive(self._socket)
        if not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 202 ")):
            raise BenchError(f"the server refused: {body[:300].decode(errors='replace')}")
        return json.loads(body)


def request(method: str, target: str, token: str, body: bytes = b"") -> bytes:
    """All bytes of a request."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {target} HTTP/1.1\r\nHost: legato\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}{length}\r\n".encode() + body
