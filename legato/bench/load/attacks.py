"""Single hostile clients, one kind at a time, as a process of their own."""

import socket
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Final

import h2.config
import h2.connection
import h2.settings

from legato.bench.client import request
from legato.bench.tasks import Attack, HostilesConnected, say, task

_MANY: Final = 100_000
_MASK: Final = b"\x80\x00\x00\x00\x00"  # no bytes, and a mask
_PATIENCE: Final = 1.0  # seconds to wait for what the server does to us
_STREAMS: Final = 100  # allowed on a connection


def connected(attack: Attack) -> socket.socket:
    return socket.create_connection(("127.0.0.1", attack.port), timeout=_PATIENCE)


def websocket(attack: Attack) -> socket.socket:
    plain = connected(attack)
    upgrade = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    plain.sendall(request("GET", "/v1/responses", attack.token)[:-2] + upgrade.encode())
    plain.recv(4096)
    return plain


def over(plain: socket.socket) -> None:
    """Wait until the server has closed the connection, or has answered everything."""
    while plain.recv(65_536):
        pass


def inflating(attack: Attack) -> None:
    """Send 64 KiB of compressed text, which inflates to 64 MiB."""
    deflate = zlib.compressobj(9, wbits=-15)
    text = deflate.compress(bytes(64 * 2**20)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    frame = b"\xc1\xff" + len(text).to_bytes(8) + bytes(4) + text
    with closing(websocket(attack)) as plain:
        plain.sendall(frame)
        over(plain)


def fragments(attack: Attack) -> None:
    with closing(websocket(attack)) as plain:
        plain.sendall(b"\x01" + _MASK + (b"\x00" + _MASK) * _MANY)
        over(plain)


def pings(attack: Attack) -> None:
    with closing(websocket(attack)) as plain:
        plain.sendall((b"\x89" + _MASK) * _MANY)
        over(plain)


def fields(attack: Attack) -> None:
    with closing(connected(attack)) as plain:
        head = request("GET", "/healthz", attack.token)[:-2]
        plain.sendall(head + b"a:\r\n" * 16_000 + b"\r\n")
        over(plain)


def chunks(attack: Attack) -> None:
    with closing(connected(attack)) as plain:
        head = request("POST", "/api/agents/chat", attack.token)[:-2]
        plain.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * _MANY)
        over(plain)


def ahead(attack: Attack) -> None:
    with closing(connected(attack)) as plain:
        plain.sendall(request("GET", "/healthz", attack.token) * 1000)
        over(plain)


def leaving(attack: Attack) -> None:
    for _ in range(100):
        connected(attack).close()


def http2(attack: Attack, window: int = 65_535) -> tuple[socket.socket, h2.connection.H2Connection]:
    http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    http.initiate_connection()
    http.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
    plain = connected(attack)
    plain.sendall(http.data_to_send())
    return plain, http


def asked(attack: Attack, http: h2.connection.H2Connection, path: str) -> int:
    stream_id: int = http.get_next_available_stream_id()
    place = [(":method", "GET"), (":scheme", "http"), (":authority", "legato"), (":path", path)]
    head = [*place, ("authorization", f"Bearer {attack.token}")]
    http.send_headers(stream_id, head, end_stream=True)
    return stream_id


def resets(attack: Attack) -> None:
    plain, http = http2(attack)
    with closing(plain):
        for _ in range(1000):
            http.reset_stream(asked(attack, http, "/healthz"))
        plain.sendall(http.data_to_send())
        over(plain)


def closed_windows(attack: Attack) -> None:
    plain, http = http2(attack, window=0)
    with closing(plain):
        for _ in range(_STREAMS):
            asked(attack, http, "/openapi.json")
        plain.sendall(http.data_to_send())
        time.sleep(_PATIENCE)


ATTACKS: Final[Mapping[str, Callable[[Attack], None]]] = {
    "a message that inflates": inflating,
    "empty fragments": fragments,
    "pings": pings,
    "header fields": fields,
    "small chunks": chunks,
    "requests ahead": ahead,
    "connecting and leaving": leaving,
    "rapid resets": resets,
    "closed windows": closed_windows,
}
"""Functions that do their worst once, by a name of the bytes they send."""


def run(attack: Attack) -> None:
    """Again and again, until this process is ended."""
    say(HostilesConnected(1))
    while True:
        with suppress(OSError):  # the server closed the connection
            ATTACKS[attack.kind](attack)


if __name__ == "__main__":
    run(task(Attack))
