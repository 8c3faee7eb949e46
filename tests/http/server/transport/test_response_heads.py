"""Heads of responses on real connections: a reason phrase, and a single `Connection` header."""

import pytest
import trio
from hypercorn.config import Config

from legato.http.server import server as module
from tests.support.http.live_server import live_server
from tests.support.http.raw_client import RawClient, Server

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"}


async def status_line(server: Server, request: str) -> bytes:
    """The first line of the answer to `request`."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        await stream.send_all(request.encode())
        return (await stream.receive_some(4096)).partition(b"\r\n")[0]


async def test_a_status_line_has_its_reason_phrase() -> None:
    async with live_server() as server:
        host = f"Host: 127.0.0.1:{server.port}\r\n"
        key = f"Authorization: Bearer {server.token}\r\n"
        shaking = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        shaking += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        asked = {
            f"GET /healthz HTTP/1.1\r\n{host}\r\n": b"HTTP/1.1 200 OK",
            f"GET /nowhere HTTP/1.1\r\n{host}{key}\r\n": b"HTTP/1.1 404 Not Found",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n": b"HTTP/1.1 400 Bad Request",
            f"POST /v1/responses HTTP/1.1\r\n{host}{key}Content-Length: 2\r\n"
            "Expect: 100-continue\r\n\r\n": b"HTTP/1.1 100 Continue",
            f"GET /v1/responses HTTP/1.1\r\n{host}{key}{shaking}\r\n": (
                b"HTTP/1.1 101 Switching Protocols"
            ),
        }
        for request, line in asked.items():
            assert await status_line(server, request) == line


@pytest.mark.parametrize("direct", [True, False])
async def test_no_route_speaks_of_the_connection(direct: bool) -> None:
    async with live_server(direct=direct) as server:
        started = await server.start(tokens=1, rate=0)
        targets = ["/", "/v1/models", "/healthz", f"/api/agents/chat/stream/{started['streamId']}"]
        async with await server.connect() as client:
            for target in targets:
                names = {name.lower() for name, _ in await heads(client, target)}
                assert not names & HOP_BY_HOP, target


async def heads(client: RawClient, target: str) -> list[tuple[str, str]]:
    await client.ask("GET", target)
    head = await client.head()
    await client.body()
    return [(name.decode(), value.decode()) for name, value in head.headers]


@pytest.mark.parametrize("direct", [True, False])
async def test_the_last_response_of_a_connection_says_close_and_nothing_else(
    direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = module._configuration

    def brief(idle: float, max_message: int) -> Config:
        config = made(idle, max_message)
        config.keep_alive_max_requests = 3
        return config

    monkeypatch.setattr(module, "_configuration", brief)
    async with live_server(direct=direct) as server:
        started = await server.start(tokens=1, rate=0)
        async with await server.connect() as client:
            for number in range(1, 4):
                found = await heads(client, f"/api/agents/chat/stream/{started['streamId']}")
                said = [value for name, value in found if name.lower() == "connection"]
                assert said == (["close"] if number == 3 else [])
