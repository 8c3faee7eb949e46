"""HTTP/2 without TLS, by prior knowledge, as some proxies speak it: a whole stream, or a cut."""

import gc
from contextlib import suppress

import pytest
import trio
from h2.errors import ErrorCodes
from h2.events import RequestReceived, ResponseReceived, StreamEnded, StreamReset
from trio.testing import wait_all_tasks_blocked

from legato.http.server.transport import http2
from legato.http.server.transport.http2 import Http2
from tests.support.http.http2_client import Http2Client
from tests.support.http.live_server import live_server, until
from tests.support.http.raw_client import STREAM, Cut, data_of, frames_of


async def test_over_http_2_a_stream_comes_whole() -> None:
    async with live_server(http2=True) as server:
        started = await server.start(tokens=5, rate=0)
        async with await Http2Client.connect(server) as client:
            await client.ask(STREAM + started["streamId"])
            body = await client.response()

    assert data_of(frames_of(body)[-1])["final"]


async def test_over_http_2_a_body_whose_job_is_gone_is_cut() -> None:
    async with live_server(http2=True) as server:
        started = await server.start("held", tokens=5)
        async with await Http2Client.connect(server) as client:
            await client.ask(STREAM + started["streamId"])
            await until(lambda: server.readers(started) == 1)
            server.job(started).ownership.leave()
            with pytest.raises(Cut):
                await client.response()


async def test_over_http_2_a_reader_that_leaves_does_not_cut_the_others() -> None:
    async with live_server(http2=True) as server:
        started = await server.start("held", tokens=5)
        async with await Http2Client.connect(server) as client:
            left = await client.ask(STREAM + started["streamId"])
            await until(lambda: server.readers(started) == 1)
            await client.leave(left)
            await until(lambda: not server.app.streams.bodies)
            await client.ask(STREAM + started["streamId"])
            server.let_go()
            body = await client.response()

    assert data_of(frames_of(body)[-1])["final"]


async def test_without_the_setting_http_2_is_not_spoken() -> None:
    async with live_server() as server, await server.connect() as raw:
        client = Http2Client(raw, server.token)
        await client.greet()
        answer = await raw.receive_until(b"}")

    assert answer.startswith(b"HTTP/1.1 505 ")


async def test_over_http_2_a_stream_that_is_cut_takes_no_other_with_it() -> None:
    async with live_server(http2=True) as server:
        cut, kept = await server.start("held", tokens=5), await server.start("held", tokens=5)
        async with await Http2Client.connect(server) as client:
            first = await client.ask(STREAM + cut["streamId"])
            await client.ask(STREAM + kept["streamId"])
            await until(lambda: server.readers(cut) == server.readers(kept) == 1)
            server.job(cut).ownership.leave()
            reset = await client.until(StreamReset, first)
            server.let_go()
            body = await client.response()

    assert reset.error_code == ErrorCodes.INTERNAL_ERROR
    assert data_of(frames_of(body)[-1])["final"]


@pytest.mark.parametrize("token", ["good", "bad"])
async def test_data_that_comes_late_is_of_no_account(token: str) -> None:
    async with live_server(http2=True) as server, await Http2Client.connect(server) as client:
        if token == "bad":
            client._token = "none"
        late = await client.open_websocket("/v1/responses")
        [(_, status), *_] = (await client.until(ResponseReceived, late)).headers
        if token == "good":
            await client.data(late, bytes((0x88, 0x80, 0, 0, 0, 0)))  # close
        await client.until(StreamEnded, late)
        await client.data(late, b"late")
        await client.data(late, b"", end=True)
        await client.ask("/healthz")
        assert await client.response() == b'{"status":"ok"}'

    assert str(status) == ("200" if token == "good" else "401")


async def test_a_websocket_whose_stream_ends_without_a_word_is_over() -> None:
    async with live_server(http2=True) as server, await Http2Client.connect(server) as client:
        stream_id = await client.open_websocket("/v1/responses")
        await client.until(ResponseReceived, stream_id)
        await client.data(stream_id, b"", end=True)
        await client.until(StreamReset, stream_id)
        await client.ask("/healthz")
        assert await client.response() == b'{"status":"ok"}'


@pytest.mark.parametrize(
    "head",
    [
        [(":method", "CONNECT"), (":protocol", "other")],
        [(":method", "GET")],
    ],
    ids=["another tunnel", "an absolute target"],
)
async def test_what_cannot_be_served_is_reset_and_nothing_else(head: list[tuple[str, str]]) -> None:
    path = "/" if head[0][1] == "CONNECT" else "http://legato/healthz"
    async with live_server(http2=True) as server, await Http2Client.connect(server) as client:
        stream_id = await client.begin(path, *head)
        await client.until(StreamReset, stream_id)
        await client.ask("/healthz")
        assert await client.response() == b'{"status":"ok"}'


async def test_one_that_asks_and_resets_without_end_is_sent_away_and_others_have_turns() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with (
        live_server(http2=True) as server,
        await Http2Client.connect(server) as client,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(count)
        with suppress(Cut):
            await client.flood(2000)
        with pytest.raises(Cut):
            await client.until(StreamEnded)
        nursery.cancel_scope.cancel()
        async with await Http2Client.connect(server) as other:
            await other.ask("/healthz")
            assert await other.response() == b'{"status":"ok"}'

    assert client.goodbye == ErrorCodes.ENHANCE_YOUR_CALM
    assert turns > 200


async def test_one_that_opens_no_window_holds_little_and_not_for_long() -> None:
    async with live_server(http2=True, stall_timeout=1) as server:
        started = await server.start(tokens=10_000, rate=0)
        await server.job(started).ended.wait()
        async with await Http2Client.connect(server, window=0) as client:
            streams = [await client.ask(STREAM + started["streamId"]) for _ in range(50)]
            await client.until(ResponseReceived, streams[-1])
            protocols = [each for each in gc.get_objects() if type(each) is Http2]
            waiting = sum(len(b.buffer) for p in protocols for b in p.stream_buffers.values())
            assert 0 < waiting <= 50 * 48 * 1024
            await client.until(StreamReset)
            await until(lambda: not server.app.streams.bodies)
            assert sum(len(p.stream_buffers) for p in protocols) == 0


async def test_pings_are_answered_and_do_not_wait_for_a_window() -> None:
    ping = bytes((0x89, 0x80, 0, 0, 0, 0))
    async with (
        live_server(http2=True) as server,
        await Http2Client.connect(server, window=0) as client,
    ):
        stream_id = await client.open_websocket("/v1/responses")
        await client.until(ResponseReceived, stream_id)
        await client.data(stream_id, ping * 1000)
        await client.ask("/healthz")
        await client.until(ResponseReceived)


async def test_requests_beyond_a_burst_begin_at_an_even_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http2, "REQUESTS_AT_ONCE", 2)
    monkeypatch.setattr(http2, "REQUESTS_A_SECOND", 1 / 3600)
    begun = []
    request = Http2._create_stream

    async def counted(protocol: Http2, event: RequestReceived) -> None:
        begun.append(event)
        await request(protocol, event)

    monkeypatch.setattr(Http2, "_create_stream", counted)
    async with live_server(http2=True) as server, await Http2Client.connect(server) as client:
        for _ in range(3):
            await client.ask("/healthz")
        await client.response()
        await wait_all_tasks_blocked(0.05)

    assert len(begun) == 2
