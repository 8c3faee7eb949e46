"""HTTP/2 without TLS, by prior knowledge, as some proxies speak it: a whole stream, or a cut."""

import pytest

from tests.http.live_server import live_server, until
from tests.http.raw_client import STREAM, Cut, data_of, frames_of
from tests.http.transport.http2_client import Http2Client


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
            server.job(started).leave()
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
