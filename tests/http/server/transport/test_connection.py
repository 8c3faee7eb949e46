"""A connection holds nothing after the client has left, whatever the client had sent."""

from socket import socketpair
from typing import Any

import pytest
import trio
from hypercorn.config import Config
from hypercorn.protocol.ws_stream import WSStream
from hypercorn.trio.worker_context import WorkerContext
from structlog.testing import capture_logs

from legato.http.server.transport.client_stream import ClientStream
from legato.http.server.transport.connection import ConnectionServer
from legato.http.server.transport.http1 import AHEAD_AT_ONCE
from legato.http.server.transport.pace import Pace
from tests.support.http.http2_client import Http2Client
from tests.support.http.live_server import LiveServer, live_server, until
from tests.support.http.raw_client import RawClient, data_of, frames_of

CLIENTS = 50
SOON = 5.0  # seconds: far less than a connection may be idle for

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: legato\r\n\r\n"
BODY = b"POST /api/agents/chat HTTP/1.1\r\nHost: legato\r\nContent-Length: 9\r\n\r\n{"
AHEAD = b"GET /v1/chat/completions HTTP/1.1\r\nHost: legato\r\n\r\n" + REQUEST

SENT = {
    "nothing": b"",
    "a part of a head": REQUEST[:20],
    "a part of a body": BODY,
    "a request": REQUEST,
    "three requests": 3 * REQUEST,
    "the next request, too": AHEAD,
    "no HTTP": b"\x16\x03\x01\x00",
}


async def forgotten(server: LiveServer) -> None:
    with trio.fail_after(SOON):
        await until(lambda: server.app.connection_limit.open == 0)


async def connected(server: LiveServer) -> list[RawClient]:
    return [await server.connect() for _ in range(CLIENTS)]


@pytest.mark.parametrize("name", SENT)
async def test_a_client_that_left_is_forgotten_whatever_it_sent(name: str) -> None:
    async with live_server() as server:
        clients = await connected(server)
        for client in clients:
            await client.stream.send_all(SENT[name])
        if name == "a request":
            for client in clients:
                await client.receive_until(b"}")
        for client in clients:
            await trio.aclose_forcefully(client.stream)

        await forgotten(server)


async def test_a_client_that_waits_behind_a_stream_and_leaves_is_forgotten() -> None:
    async with live_server() as server:
        started = await server.start("held", tokens=5)
        async with await server.follow(started) as reader:
            await reader.frame()
            await reader.stream.send_all(REQUEST)
        await forgotten(server)


async def test_a_websocket_whose_client_left_is_forgotten() -> None:
    async with live_server() as server:
        clients = await connected(server)
        for client in clients:
            await client.stream.send_all(handshake(server))
            assert b" 101 " in await client.receive_until(b"\r\n\r\n")
        for client in clients:
            await trio.aclose_forcefully(client.stream)

        await forgotten(server)


@pytest.mark.parametrize("asks", [False, True])
async def test_an_http_2_client_that_left_is_forgotten(asks: bool) -> None:
    async with live_server(http2=True) as server:
        clients = [await Http2Client.connect(server) for _ in range(CLIENTS)]
        for client in clients:
            if asks:
                await client.ask("/healthz")
                await client.response()
        for client in clients:
            await client.drop()

        await forgotten(server)


async def test_a_client_that_asks_no_more_is_not_waited_for_nor_logged() -> None:
    with capture_logs() as logs:
        async with live_server(idle=0.2) as server, await server.connect() as client:
            await client.stream.send_all(REQUEST)
            await client.receive_until(b"}")
            with trio.fail_after(SOON):
                assert await client.stream.receive_some() == b""
            await forgotten(server)

    assert [entry for entry in logs if entry["log_level"] == "error"] == []


async def test_an_http_2_client_that_asks_for_nothing_is_not_waited_for() -> None:
    async with live_server(http2=True, idle=0.05) as server, await server.connect() as raw:
        client = Http2Client(raw, server.token)
        await client.greet()
        with trio.fail_after(SOON):
            while await raw.stream.receive_some():
                pass


async def test_an_http_2_client_whose_streams_are_over_is_not_waited_for() -> None:
    async with live_server(http2=True, idle=0.5) as server:
        started = await server.start("held", tokens=5)
        async with await server.connect() as raw:
            client = Http2Client(raw, server.token)
            await client.greet()
            await client.leave(await client.ask(f"/api/agents/chat/stream/{started['streamId']}"))
            with trio.fail_after(SOON):
                while await raw.stream.receive_some():
                    pass


async def test_a_connection_that_is_closed_before_it_is_served_is_no_error() -> None:
    ours, theirs = socketpair()
    with ours, theirs:
        client = ClientStream(ours, SOON)
        client.reset()  # as a shutdown does
        app: Any = None
        parts = app, Config(), WorkerContext(None), client
        await ConnectionServer(*parts, http2=False, patience=SOON, direct=True).run()


async def test_a_connection_that_the_server_stumbles_over_is_the_only_one_to_end() -> None:
    class Stumbling(WSStream):
        async def handle(self, event: object) -> None:
            raise RuntimeError

    with capture_logs() as logs, pytest.MonkeyPatch.context() as patch:
        patch.setattr("legato.http.server.transport.http1.WebSocketStream", Stumbling)
        async with live_server() as server:
            started = await server.start("held", tokens=5)
            async with await server.follow(started) as reader:
                await reader.frame()
                async with await server.connect() as client:
                    await client.stream.send_all(handshake(server))
                    assert await client.stream.receive_some() == b""
                server.let_go()
                assert data_of(frames_of(await reader.body())[-1])["final"]

    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "connection failed"
    ]


def handshake(server: LiveServer) -> bytes:
    lines = [
        "GET /v1/responses HTTP/1.1",
        "Host: legato",
        f"Authorization: Bearer {server.token}",
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def test_only_requests_that_are_sent_ahead_have_a_limited_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy sends many clients' requests through a connection, each behind the last answer."""
    paced: list[Pace] = []

    async def noted(pace: Pace) -> None:
        paced.append(pace)

    monkeypatch.setattr(Pace, "wait", noted)
    async with live_server() as server, await server.connect() as client:
        for _ in range(AHEAD_AT_ONCE + 10):
            await client.stream.send_all(REQUEST)
            await client.receive_until(b"}")
        assert paced == []
        await client.stream.send_all(3 * REQUEST)
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 3:
            answers += await client.stream.receive_some()

    assert len(paced) == 2
