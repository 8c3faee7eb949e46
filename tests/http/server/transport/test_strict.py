"""Requests that two servers could read in two ways, on real connections."""

import logging
import re
from collections.abc import Sequence

import pytest
import trio
import trio.testing

from tests.support.http.live_server import LiveServer, Serve

HOST = b"Host: legato\r\n"
SMUGGLED = b"GET /readyz HTTP/1.1\r\nHost: legato\r\n\r\n"
POST = b"POST /api/agents/chat HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

TWO_WAYS = {
    "both lengths": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "the same length twice": POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": POST + b"Content-Length: 0, 0\r\n\r\n",
    "a length with a sign": POST + b"Content-Length: +0\r\n\r\n",
    "no length": POST + b"Content-Length:\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a coding in HTTP/1.0": CHUNKED.replace(b"/1.1", b"/1.0") + b"0\r\n\r\n",
    "a bare LF after the request": b"GET /healthz HTTP/1.1\n" + HOST + b"\r\n",
    "a bare LF after a field": b"GET /healthz HTTP/1.1\r\nHost: legato\nX: y\r\n\r\n",
    "a bare LF for the end": b"GET /healthz HTTP/1.1\r\nHost: legato\r\n\n",
    "a bare CR": b"GET /healthz HTTP/1.1\r\nHost: legato\r\nX: a\rb\r\n\r\n",
    "a folded field": b"GET /healthz HTTP/1.1\r\nHost: legato\r\nX: a\r\n b\r\n\r\n",
    "a folded first field": b"GET /healthz HTTP/1.1\r\n X: a\r\n" + HOST + b"\r\n",
    "a space before the colon": b"GET /healthz HTTP/1.1\r\nHost: legato\r\nX : a\r\n\r\n",
    "a field without a name": b"GET /healthz HTTP/1.1\r\nHost: legato\r\n: a\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "an absolute target": b"GET http://legato/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "another's target": b"GET http://elsewhere/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT legato:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "no path": b"GET healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "an empty line first": b"\r\nGET /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "a size that is none": CHUNKED + b"x\r\n\r\n",
    "a size with a sign": CHUNKED + b"+0\r\n\r\n",
    "a size with a prefix": CHUNKED + b"0x0\r\n\r\n",
    "a size with a space": CHUNKED + b"0 \r\n\r\n",
    "a size beyond 64 bits": CHUNKED + b"F" * 17 + b"\r\n{}\r\n0\r\n\r\n",
    "a size that ends in LF": CHUNKED + b"0\n\r\n",
    "a bare CR in an extension": CHUNKED + b"0;a\rb\r\n\r\n",
    "a chunk that is longer": CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "a bare LF for the body's end": CHUNKED + b"0\r\n\n",
    "a folded trailer": CHUNKED + b"0\r\nX: a\r\n b\r\n\r\n",
    "a bare LF in a trailer": CHUNKED + b"0\r\nX: a\nY: b\r\n\r\n",
    "a handshake with a body": (
        b"GET /v1/responses HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    ),
    "another version": b"GET /healthz HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/2's version": b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n",
    "HTTP/2's preface, which is off": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "too many lines": b"GET /healthz HTTP/1.1\r\n" + HOST + b"a:\r\n" * 600 + b"\r\n",
}

STATUS = {
    **dict.fromkeys(("another coding", "two codings"), 501),
    **dict.fromkeys(("another version", "HTTP/2's version"), 505),
    "HTTP/2's preface, which is off": 505,
    "too many lines": 431,
}


async def answers_to(server: LiveServer, *pieces: bytes) -> bytes:
    """All bytes that come on a connection, to the end."""
    with trio.fail_after(5):
        return await _answers_to(server, pieces)


async def _answers_to(server: LiveServer, pieces: Sequence[bytes]) -> bytes:
    async with await server.connect() as client:
        for piece in pieces:
            await client.stream.send_all(piece)
            await trio.testing.wait_all_tasks_blocked(0.005)
        received = b""
        while piece := await client.stream.receive_some():
            received += piece
        return received


def heads_in(answer: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1\.1 \d{3} ", answer)


@pytest.mark.parametrize("name", TWO_WAYS)
async def test_a_request_that_could_be_two_is_refused_and_nothing_behind_it_is_read(
    serve: Serve, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as server:
        answer = await answers_to(server, TWO_WAYS[name] + SMUGGLED)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert len(heads_in(answer)) == 1
    assert head.startswith(b"HTTP/1.1 %d " % STATUS.get(name, 400))
    assert b"connection: close" in head.lower()
    assert b"The request was refused: " in body
    assert b"ready" not in body
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


ORDINARY = {
    "chunks": CHUNKED + b"1;a=b\r\n{\r\n001\r\n}\r\n0\r\nX-Sum: 1\r\n\r\n",
    "an upgrade to h2c": (
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    ),
    "a bare upgrade to h2c": b"GET /healthz HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\n\r\n",
    "the server as such": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
}


@pytest.mark.parametrize("name", ORDINARY)
@pytest.mark.parametrize("size", [1, 4096])
async def test_what_can_be_read_in_one_way_only_is_answered_and_so_is_what_follows(
    serve: Serve, name: str, size: int
) -> None:
    request = ORDINARY[name]
    pieces = [request[start : start + size] for start in range(0, len(request), size)]
    last = SMUGGLED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    async with serve() as server, await server.connect() as client:
        for piece in pieces:
            await client.stream.send_all(piece)
        await client.stream.send_all(last)
        answer = await client.receive_until(b'{"status":"ready"}')

    assert len(heads_in(answer)) == 2
    assert b"HTTP/1.1 101 " not in answer
    assert not answer.startswith(b"HTTP/1.1 5")


async def test_a_refused_head_has_an_answer_without_a_body(serve: Serve) -> None:
    request = b"HEAD http://legato/healthz HTTP/1.1\r\n" + HOST + b"\r\n"

    async with serve() as server:
        answer = await answers_to(server, request)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1


async def test_a_head_as_large_as_is_allowed_is_read_whatever_pieces_it_comes_in(
    serve: Serve,
) -> None:
    fields = b"".join(b"X-%d: %b\r\n" % (number, b"v" * 3000) for number in range(10))
    request = b"GET /healthz HTTP/1.1\r\n" + HOST + fields + b"Connection: close\r\n\r\n"

    async with serve() as server:
        answer = await answers_to(server, request[:20_000], request[20_000:])

    assert answer.startswith(b"HTTP/1.1 200 ")
