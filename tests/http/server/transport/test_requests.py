"""A request costs a task and a write; the request's stream ends the answer of a gone client."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio
from trio.abc import Instrument

from legato.http.server.transport.client_stream import ClientStream
from tests.support.http.http2_client import Http2Client
from tests.support.http.live_server import Serve, live_server, until


class Spawned(Instrument):
    """The names of all tasks that begin."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self.names.append(task.name)


@contextmanager
def spawned() -> Iterator[list[str]]:
    instrument = Spawned()
    trio.lowlevel.add_instrument(instrument)
    try:
        yield instrument.names
    finally:
        trio.lowlevel.remove_instrument(instrument)


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [("GET", "/healthz", b""), ("GET", "/api/models", b""), ("POST", "/api/agents/chat", b"{}")],
)
async def test_a_request_on_a_kept_connection_takes_one_task(
    serve: Serve, method: str, target: str, body: bytes
) -> None:
    async with serve() as server, await server.connect() as client:
        counts = []
        for _ in range(2):  # the first brings what is made once
            with spawned() as names:
                await client.ask(method, target, body=body)
                await client.head()
                await client.body()
            counts.append(len(names))

    assert counts[-1] == 1


async def test_head_and_body_of_a_known_length_are_one_write(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []
    write = ClientStream.write

    def noted(client: ClientStream, data: bytes) -> int:
        writes.append(data)
        return write(client, data)

    monkeypatch.setattr(ClientStream, "write", noted)
    async with serve() as server, await server.connect() as client:
        assert await client.json("GET", "/healthz") == {"status": "ok"}
        await client.ask("HEAD", "/healthz")
        await client.head()

    assert len(writes) == 2
    assert writes[0].endswith(b'\r\n\r\n{"status":"ok"}')
    assert writes[1].endswith(b"\r\n\r\n")


async def test_what_the_kernel_does_not_take_at_once_follows_in_order(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ClientStream.write

    def little(client: ClientStream, data: bytes) -> int:
        return write(client, data[:7])

    monkeypatch.setattr(ClientStream, "write", little)
    async with serve() as server, await server.connect() as client:
        for _ in range(2):
            assert await client.json("GET", "/healthz") == {"status": "ok"}


async def test_a_stream_that_its_client_resets_is_left_at_once() -> None:
    async with live_server(http2=True) as server, await server.connect() as raw:
        client = Http2Client(raw, server.token)
        started = await server.start("held", tokens=5)
        await client.greet()
        stream = await client.ask(f"/api/agents/chat/stream/{started['streamId']}")
        await until(lambda: len(server.app.streams.bodies) == 1)
        await client.leave(stream)
        with trio.fail_after(5):
            await until(lambda: not server.app.streams.bodies)


async def test_a_body_that_no_route_reads_is_dropped_beside_the_reply(serve: Serve) -> None:
    """A client that sends on during a stream is still seen leaving."""
    async with serve() as server:
        started = await server.start("held", tokens=5)
        target = f"/api/agents/chat/stream/{started['streamId']}"
        head = f"GET {target} HTTP/1.1\r\nHost: legato\r\nAuthorization: Bearer {server.token}\r\n"
        async with await server.connect() as client:
            piece: Any = b"x" * 1000
            await client.stream.send_all(f"{head}Content-Length: 100000\r\n\r\n".encode())
            await until(lambda: len(server.app.streams.bodies) == 1)
            for _ in range(50):
                await client.stream.send_all(piece)
        with trio.fail_after(5):
            await until(lambda: not server.app.streams.bodies)
