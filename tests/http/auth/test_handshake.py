"""Handshakes of WebSockets: allowed with a token, and with a cookie only for our own page."""

import logging

import pytest
from quart import websocket
from quart_trio.testing import TrioClient, connections

from legato.http.input.bounds import MAX_TARGET_BYTES
from legato.http.request_context import user
from tests.support.http.client import Client
from tests.support.http.live_server import LiveServer, Serve

PATH = "/v1/echo"


async def say_who() -> None:
    await websocket.send(user())


async def shake(server: LiveServer, path: str, *headers: str) -> bytes:
    """The answer to a handshake with these headers, and the first message."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    ]
    async with await server.connect() as client:
        await client.stream.send_all("\r\n".join([*lines, "", ""]).encode())
        received = b""
        while piece := await client.stream.receive_some():
            received += piece
            if b"ann" in received or b'"}' in received:
                break
        return received


def cookie(server: LiveServer) -> str:
    return f"Cookie: legato_session={server.app.authenticator.session('ann')}"


async def test_a_token_needs_no_origin(serve: Serve) -> None:
    async with serve() as server:
        server.app.websocket(PATH)(say_who)
        for origin in ([], ["Origin: https://elsewhere.example"]):
            answer = await shake(server, PATH, f"Authorization: Bearer {server.token}", *origin)
            assert answer.startswith(b"HTTP/1.1 101 ")


async def test_a_cookie_is_good_from_our_own_page_only(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as server:
        server.app.websocket(PATH)(say_who)
        own = f"Origin: http://127.0.0.1:{server.port}"
        ours = await shake(server, PATH, cookie(server), own)
        others = [
            await shake(server, PATH, cookie(server), *origin)
            for origin in (
                [],
                ["Origin: null"],
                ["Origin: https://evil.example"],
                [f"Origin: https://127.0.0.1:{server.port}"],
            )
        ]

    assert ours.startswith(b"HTTP/1.1 101 ")
    assert b"\x81\x03ann" in ours  # the message, in a frame
    for answer in others:
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b'{"error":{"message":' in answer
        assert b'"type":"permission_error"' in answer
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


async def test_nobody_unknown_opens_one(serve: Serve) -> None:
    async with serve() as server:
        server.app.websocket(PATH)(say_who)
        unknown = await shake(server, PATH)
        wrong = await shake(server, PATH, "Authorization: Bearer nonsense")

    for answer, code in ((unknown, b"missing_api_key"), (wrong, b"invalid_api_key")):
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b'"code":"%b"' % code in answer


async def test_a_handshake_out_of_bounds_is_refused_as_a_request_is(serve: Serve) -> None:
    async with serve() as server:
        answer = await shake(server, f"{PATH}?x={'a' * MAX_TARGET_BYTES}")

    assert answer.startswith(b"HTTP/1.1 414 ")


async def test_a_query_that_is_not_utf8_does_no_harm(ann: Client) -> None:
    ann.app.websocket(PATH)(say_who)
    connection = TrioClient(ann.app).websocket(PATH, headers=ann.headers)
    assert isinstance(connection, connections.TestWebsocketConnection)
    connection.scope["query_string"] = b"a=\xff"
    async with connection:
        assert await connection.receive() == "ann"
