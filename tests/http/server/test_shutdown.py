"""Shutdown of a server: in time, whatever clients do, and without a clean end of any stream."""

import json
import logging
from collections.abc import Iterator
from functools import partial

import pytest
import trio
from structlog.testing import capture_logs

from legato.events import Failed
from legato.http.server.server import serve_until
from legato.http.streams.served import ServedBody
from legato.http.streams.streaming import Reading, StreamCut
from tests.support.http.live_server import DEADLINE, LiveServer, Serve, has_begun, until
from tests.support.http.raw_client import START, Cut, RawClient, data_of
from tests.support.http.runtime import supervisor_of

NEVER = 2 * DEADLINE  # seconds, after which a wait has failed


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Require no warning, and a single line about the shutdown."""
    with capture_logs() as logs:
        yield
    assert {entry["log_level"] for entry in logs} == {"info"}
    assert [entry["event"] for entry in logs].count("shutting down") == 1
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


async def stop(server: LiveServer) -> None:
    server.stop.set()
    await server.stopped.wait()


async def begin_to_stop(server: LiveServer) -> None:
    """Return when streams are cut and idle connections closed."""
    async with await server.connect() as idle:
        await idle.json("GET", "/healthz")
        server.stop.set()
        assert await idle.stream.receive_some() == b""


async def stalled_reader(server: LiveServer) -> RawClient:
    """A reader that reads nothing of a body too large for the sockets' buffers."""
    started = await server.start(tokens=30_000, rate=0)
    reader = await server.follow(started, receive_buffer=4096)
    await server.job(started).ended.wait()
    [body] = server.app.streams.bodies
    await until(lambda: has_begun(body))
    return reader


async def request_under_way(server: LiveServer) -> tuple[RawClient, bytes]:
    """A client whose request the server has begun to serve, and the rest of the request."""
    body = json.dumps({"text": "Hello", "model_parameters": {"tokens": 1}}).encode()
    client = await server.connect()
    expect = ("Expect", "100-continue")
    head = client.request("POST", "/api/agents/chat", expect, body=body).removesuffix(body)
    await client.stream.send_all(head)
    await client.event()
    return client, body


@pytest.mark.usefixtures("quiet")
async def test_idle_connections_do_not_hold_it_up(serve: Serve) -> None:
    async with (
        serve(grace=NEVER) as server,
        await server.connect(),
        await server.connect() as used,
    ):
        await used.json("GET", "/healthz")
        await stop(server)
        assert await used.stream.receive_some() == b""


@pytest.mark.usefixtures("quiet")
async def test_streams_are_cut_at_once_and_never_ended(serve: Serve) -> None:
    async with serve(grace=NEVER) as server:
        started = await server.start("held", tokens=20)
        async with await server.follow(started) as reader, await server.follow(started) as other:
            frame = await reader.frame()
            await stop(server)
            for client in (reader, other):
                with pytest.raises(Cut):
                    await client.body()

    assert frame is not None
    assert data_of(frame)["created"]


async def test_what_runs_may_end_and_nothing_more_starts(serve: Serve) -> None:
    async with serve(drain_timeout=NEVER) as server:
        started = await server.start("held", tokens=20)
        async with await server.follow(started) as reader, await server.connect() as client:
            server.stop.set()
            await until(lambda: supervisor_of(server.runtime).drain.has_begun)
            await client.ask("POST", START, body=b'{"text": "Hello"}')
            head = await client.head()
            assert (head.status_code, dict(head.headers).get(b"retry-after")) == (503, b"2")
            await client.body()
            server.let_go()
            assert b'"final":true' in await reader.body()
            await server.stopped.wait()


async def test_what_does_not_end_in_time_is_ended_and_stored_and_says_why(serve: Serve) -> None:
    async with serve(drain_timeout=0.05) as server:
        started = await server.start("held", tokens=20)
        async with await server.follow(started) as reader:
            await stop(server)
            with pytest.raises(Cut):
                await reader.body()
        job = server.job(started)

    assert isinstance(job.feed.ending, Failed)
    assert (job.feed.ending.reason, job.feed.ending.unsaved) == ("server_restart", False)


@pytest.mark.usefixtures("quiet")
async def test_a_cut_that_comes_while_a_body_is_sent_is_not_forgotten(serve: Serve) -> None:
    async with serve(grace=NEVER) as server, await stalled_reader(server) as reader:
        await begin_to_stop(server)
        with pytest.raises(Cut):
            await reader.body()
        await server.stopped.wait()


async def test_a_stream_that_comes_after_the_cut_is_cut_too(serve: Serve) -> None:
    async with serve() as server:
        job = server.job(await server.start("held", tokens=5))
        server.app.streams.cut()
        reading = Reading(job.ref, "librechat", "beginning")
        async with ServedBody(reading, NEVER, server.app.streams) as body:
            with pytest.raises(StreamCut):
                await anext(body)


@pytest.mark.usefixtures("quiet")
async def test_readers_that_never_read_do_not_have_the_grace(serve: Serve) -> None:
    async with serve(grace=NEVER) as server, await stalled_reader(server) as reader:
        await stop(server)
        with pytest.raises(Cut):
            await reader.body()


@pytest.mark.usefixtures("quiet")
async def test_a_request_under_way_is_answered(serve: Serve) -> None:
    async with serve(grace=NEVER) as server:
        client, rest = await request_under_way(server)
        async with client:
            await begin_to_stop(server)
            await client.stream.send_all(rest)
            status, answer = await client.answer()
            await server.stopped.wait()

    assert (status, answer["error"]) == (503, "Shutting down")


@pytest.mark.usefixtures("quiet")
async def test_a_request_that_does_not_come_to_its_end_has_the_grace_and_no_more(
    serve: Serve,
) -> None:
    async with serve(grace=0.05) as server:
        client, _ = await request_under_way(server)
        async with client:
            await stop(server)


@pytest.mark.usefixtures("quiet")
async def test_in_a_hurry_nothing_is_waited_for(serve: Serve) -> None:
    async with serve(grace=NEVER) as server:
        client, _ = await request_under_way(server)
        async with client:
            await begin_to_stop(server)
            server.hurry.set()
            await server.stopped.wait()


async def test_a_server_that_is_cancelled_ends_under_a_reader_that_never_reads(
    serve: Serve,
) -> None:
    with trio.CancelScope() as scope:
        async with serve() as server, await stalled_reader(server):
            scope.cancel()

    assert scope.cancelled_caught


async def test_a_server_that_fails_ends_under_a_reader_that_never_reads(serve: Serve) -> None:
    failing = trio.Event()

    async def fail() -> None:
        await failing.wait()
        raise OSError("a failure")

    async with serve() as server:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.port = listeners[0].socket.getsockname()[1]
        with pytest.RaisesGroup(OSError, flatten_subgroups=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(serve_until, fail, server.app, listeners))
                async with await stalled_reader(server):
                    failing.set()
                    await trio.sleep_forever()
