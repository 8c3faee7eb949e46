"""Bodies are taken in after authentication, and held until the reply."""

import tracemalloc
from contextlib import suppress
from typing import Final

import pytest
import trio

from legato.config import Limits
from legato.http.input.forms import FORM
from tests.support.http.client import Client
from tests.support.http.live_server import LiveServer, live_server
from tests.support.http.raw_client import START, RawClient

CLIENTS: Final = 20
BODY: Final = b"{" + b" " * (Limits().max_body_bytes - 2) + b"}"
MIB: Final = 1024 * 1024


async def send(server: LiveServer, authorization: str, place: str = START) -> bytes:
    """The status line of the reply to a body of 3 MiB."""
    asked = f"POST {place} HTTP/1.1\r\nHost: legato\r\nAuthorization: {authorization}\r\n"
    asked += f"Content-Type: {FORM}\r\n"
    async with await server.connect() as client, trio.open_nursery() as nursery:
        length = f"Content-Length: {len(BODY)}\r\n\r\n"
        nursery.start_soon(sent, client, (asked + length).encode() + BODY)
        head = (await client.receive_until(b"\r\n\r\n")).decode()
    return head.split("\r\n")[0].encode()


async def sent(client: RawClient, request: bytes) -> None:
    """Send as much of a request as the server waits for."""
    with suppress(trio.BrokenResourceError):
        await client.stream.send_all(request)


@pytest.mark.parametrize(
    ("place", "status"), [(START, b"401"), ("/login", b"413"), ("/healthz", b"405")]
)
async def test_what_nobody_known_sends_is_not_held(place: str, status: bytes) -> None:
    replies = []

    async def ask() -> None:
        replies.append(await send(server, "Bearer nobody's", place))

    async with live_server() as server:
        await send(server, "Bearer nobody's", place)
        own = CLIENTS * len(BODY)  # the clients' own copies are in this process, too
        tracemalloc.start()
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(CLIENTS):
                    nursery.start_soon(ask)
            held = tracemalloc.get_traced_memory()[1] - own
        finally:
            tracemalloc.stop()

    assert [reply.split()[1] for reply in replies] == [status] * CLIENTS
    assert held < 7 * MIB, held / MIB  # they sent 60; what waits in connections is in it


async def test_what_somebody_known_sends_is_read(ann: Client) -> None:
    reply = await ann.ask("POST", START, data=BODY)

    assert (reply.status, reply.body["param"]) == (400, "text")
