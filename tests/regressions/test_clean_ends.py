"""A body that ends before the generation does must never look like one that is whole."""

import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import h11
import pytest

from tests.support.http.live_server import LiveServer, Serve, until
from tests.support.http.raw_client import (
    STREAM,
    Cut,
    RawClient,
    Server,
    Started,
    data_of,
    frames_of,
)
from tests.support.http.server_process import legato_serve

TOKENS = 300  # about 50 KiB of frames
READERS = 25


@asynccontextmanager
async def readers_in_the_middle(
    server: Server, started: Started
) -> AsyncIterator[Sequence[RawClient]]:
    """Readers that have had some bytes of the body each: none, one, and any number."""
    chance = random.Random(12)
    budgets = [0, 1, *[chance.randrange(30_000) for _ in range(READERS - 2)]]
    async with AsyncExitStack() as stack:
        readers = []
        for budget in budgets:
            reader = await stack.enter_async_context(await server.connect())
            reader.at_once = 64  # hardly any of the body comes with the head
            await reader.follow(started["streamId"])
            reader.at_once, reader.budget = 65536, budget
            with pytest.raises(Cut, match="by ourselves"):
                await reader.body()
            readers.append(reader)
        yield readers


async def check_cut(readers: Sequence[RawClient]) -> None:
    for reader in readers:
        reader.budget = float("inf")
        with pytest.raises(Cut):
            await reader.body()


async def job_is_lost(server: LiveServer, started: Started) -> None:
    server.job(started).ownership.leave()


async def drain(server: LiveServer, started: Started) -> None:
    server.stop.set()
    await server.stopped.wait()


@pytest.mark.parametrize("end", [job_is_lost, drain])
async def test_no_clean_eof(
    serve: Serve, end: Callable[[LiveServer, Started], Awaitable[None]]
) -> None:
    """Elsewhere the body was closed in good order, and clients took half an answer for all."""
    async with serve() as server:
        started = await server.start("held", tokens=TOKENS)
        async with readers_in_the_middle(server, started) as readers:
            await end(server, started)
            await check_cut(readers)


async def test_no_clean_eof_when_killed(tmp_path: Path) -> None:
    """Elsewhere a killed server's clients showed what they had, and nobody asked again."""
    async with legato_serve(tmp_path) as server:
        started = await server.start(tokens=1_000_000, rate=20_000)
        async with readers_in_the_middle(server, started) as readers:
            server.send(signal.SIGKILL)
            await server.exit()
            await check_cut(readers)


async def test_no_clean_eof_when_too_slow(serve: Serve) -> None:
    """Elsewhere a reader that was dropped for its slowness was told that this was all."""
    async with serve(stall_timeout=0.05) as server:
        started = await server.start(tokens=10_000, rate=0)
        await server.job(started).ended.wait()
        async with AsyncExitStack() as stack:
            readers = []
            for frames in (0, 1, 5, 30):
                client = await server.follow(started, receive_buffer=4096)
                readers.append(await stack.enter_async_context(client))
                for _ in range(frames):
                    assert await client.frame()
            await until(lambda: not server.app.streams.bodies)
            await check_cut(readers)


async def test_no_clean_eof_at_any_byte(serve: Serve) -> None:
    """Elsewhere the end of the connection was the end of the body, wherever it came."""
    async with serve() as server:
        started = await server.start(tokens=20, rate=0)
        async with await server.connect() as reader:
            close = ("Connection", "close")
            await reader.ask("GET", STREAM + started["streamId"], close)
            response = b"".join([bytes(piece) async for piece in reader.stream])

    body = read(response)
    assert body is not None
    assert data_of(frames_of(body)[-1])["final"]
    assert [read(response[:length]) for length in range(len(response))] == [None] * len(response)


def read(response: bytes) -> bytes | None:
    """The body, as a client has it that sees these bytes and then the end of the connection.

    None where that is an error.
    """
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "legato")]))
    client.send(h11.EndOfMessage())
    client.receive_data(response)
    client.receive_data(b"")
    body = b""
    try:
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            body += event.data if isinstance(event, h11.Data) else b""
    except h11.RemoteProtocolError:
        return None
    return body
