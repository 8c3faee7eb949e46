"""Uses of a connection besides reading a stream to the end."""

import json
import logging
from typing import Any, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from legato.config import Limits
from legato.http.server.exchange import ASGIExchange
from tests.support.http.live_server import DEADLINE, LiveServer, Serve, until
from tests.support.http.raw_client import START, Cut, data_of, frames_of


async def test_after_a_stream_the_connection_takes_the_next_request(serve: Serve) -> None:
    async with serve() as server:
        started = await server.start(tokens=5, rate=0)
        async with await server.follow(started) as client:
            assert data_of(frames_of(await client.body())[-1])["final"]
            await client.follow(started["streamId"], "?resume=true")
            assert data_of(frames_of(await client.body())[-1])["final"]
            assert await client.json("GET", "/healthz") == {"status": "ok"}


async def test_requests_sent_ahead_are_answered_in_order(serve: Serve) -> None:
    async with serve() as server:
        started = await server.start("held", tokens=5)
        async with await server.follow(started) as client:
            await client.frame()
            await client.stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: legato\r\n\r\n")
            server.let_go()
            assert data_of(frames_of(await client.body())[-1])["final"]
            answer = await client.receive_until(b'{"status":"ok"}')

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_request_sent_ahead_of_a_cut_leaves_nothing_behind(serve: Serve) -> None:
    async with serve(grace=DEADLINE) as server:
        started = await server.start("held", tokens=5)
        async with await server.follow(started) as client:
            await client.frame()
            await client.stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: legato\r\n\r\n")
            server.job(started).ownership.leave()
            with pytest.raises(Cut):
                await client.body()

        server.stop.set()
        await server.stopped.wait()  # the connection's task would have the whole grace


@pytest.mark.parametrize("first", [("GET", "/healthz"), ("HEAD", "/healthz"), ("POST", "/logout")])
async def test_a_large_request_right_behind_an_answer_is_read(
    first: tuple[str, str], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client has the answer a moment before the server has finished the exchange."""
    is_over = trio.Event()

    async def end_late(exchange: ASGIExchange) -> None:
        await is_over.wait()
        await end(exchange)

    end = ASGIExchange.end
    monkeypatch.setattr(ASGIExchange, "end", end_late)
    async with serve() as server, await server.connect() as client, trio.open_nursery() as nursery:
        await client.ask(*first)
        await client.head()
        await client.body()
        nursery.start_soon(client.stream.send_all, large_start(server))
        await wait_all_tasks_blocked(0.05)  # the server has read ahead
        is_over.set()
        answer = await client.receive_until(b"}")

    assert answer.startswith(b"HTTP/1.1 413 ")


def large_start(server: LiveServer) -> bytes:
    body = b'{"text":"%b"}' % (b"x" * 2**19)
    head = f"POST {START} HTTP/1.1\r\nHost: legato\r\nAuthorization: Bearer {server.token}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def test_bytes_sent_ahead_that_are_no_request_do_not_hurt_the_stream(serve: Serve) -> None:
    async with serve() as server:
        started = await server.start("held", tokens=5)
        async with await server.follow(started) as client:
            await client.frame()
            await client.stream.send_all(b"\x00 this is no request\r\n\r\n")
            server.let_go()
            assert data_of(frames_of(await client.body())[-1])["final"]
            answer = await client.stream.receive_some()
            assert await client.stream.receive_some() == b""

    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_client_that_expects_100_continue_is_told_to(serve: Serve) -> None:
    body = json.dumps({"text": "Hello", "model_parameters": {"tokens": 1}}).encode()

    async with serve() as server, await server.connect() as client:
        request = client.request("POST", START, ("Expect", "100-continue"), body=body)
        await client.stream.send_all(request.removesuffix(body))
        told = await client.event()
        await client.stream.send_all(body)
        status, answer = await client.answer()

    assert cast("Any", told).status_code == 100
    assert (status, answer["status"]) == (200, "started")


async def test_a_body_that_does_not_come_is_not_waited_for(serve: Serve) -> None:
    async with serve() as server, await server.connect() as client:
        server.app.config["BODY_TIMEOUT"] = 0.05
        await client.stream.send_all(client.request("POST", START, body=b"{}")[:-1])
        status, answer = await client.answer()

    assert (status, answer["error"]) == (408, "Request Timeout")


async def test_a_head_that_does_not_come_is_not_waited_for(serve: Serve) -> None:
    async with serve(idle=0.05) as server, await server.connect() as client:
        await client.stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: leg")
        assert await client.stream.receive_some() == b""


async def test_a_connection_without_a_next_request_is_closed(serve: Serve) -> None:
    async with serve(idle=0.3) as server, await server.connect() as client:
        await client.json("GET", "/healthz")
        assert await client.stream.receive_some() == b""


async def test_a_client_that_takes_nothing_for_too_long_loses_its_connection(serve: Serve) -> None:
    async with serve(stall_timeout=0.05) as server:
        started = await server.start(tokens=10_000, rate=0)
        async with (
            await server.follow(started, receive_buffer=4096) as stalled,
            await server.follow(started) as reader,
        ):
            assert data_of(frames_of(await reader.body())[-1])["final"]
            await until(lambda: not server.app.streams.bodies)
            with pytest.raises(Cut):
                await stalled.body()


async def test_a_body_that_is_too_large_is_refused_with_an_answer_that_arrives(
    serve: Serve,
) -> None:
    async with serve() as server, await server.connect() as client:
        await client.ask("POST", START, body=bytes(2 * Limits().max_body_bytes))
        status, answer = await client.answer()
        again = await client.json("GET", "/healthz")

    assert (status, answer["error"]) == (413, "Request Entity Too Large")
    assert again == {"status": "ok"}


async def test_a_websocket_is_refused_without_a_word_in_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    upgrade = (
        b"GET /api/agents/chat HTTP/1.1\r\nHost: legato\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    async with serve() as server, await server.connect() as client:
        await client.stream.send_all(upgrade)
        answer = await client.stream.receive_some()

    assert answer.split()[1] == b"401"
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []
