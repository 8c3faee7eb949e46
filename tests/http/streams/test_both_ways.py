"""The direct way is no new door: both ways send the same bytes."""

import random
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio

from legato.http.server.server import serve_until
from tests.support.http.live_server import DEADLINE, LiveServer, Serve, live_server, until
from tests.support.http.raw_client import (
    Cut,
    RawClient,
    Server,
    Started,
    cursor_of,
    data_of,
    frames_of,
)

EXAMPLES = 25


@asynccontextmanager
async def both_ways() -> AsyncIterator[tuple[LiveServer, Server]]:
    """An application behind two ports: the first goes the direct way, the second never."""
    async with live_server() as direct, trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        ordinary = partial(serve_until, trio.sleep_forever, direct.app, listeners, direct=False)
        nursery.start_soon(ordinary)
        yield direct, Server(listeners[0].socket.getsockname()[1])
        nursery.cancel_scope.cancel()


def script(chance: random.Random) -> dict[str, Any]:
    """The script of a random generation: short, long, in thought, with calls, broken, slow."""
    return {
        "tokens": chance.choice([0, 1, 50, 3000]),
        "reasoning": chance.choice([0, 0, 3, 400]),
        "tool_calls": chance.choice([0, 0, 1, 3]),
        "rate": chance.choice([0, 4000, 20_000]),
        "delay": chance.choice([0, 0.01, 0.05]),
        **({"fail_after": chance.randrange(40)} if chance.random() < 0.2 else {}),
    }


async def read_with_troubles(server: Server, started: Started, seed: int) -> list[bytes]:
    """All frames, with drops at random bytes, stalls, and a small buffer."""
    chance = random.Random(seed)
    frames: list[bytes] = []
    while not (frames and b'"final":true' in frames[-1]):
        buffer = chance.choice([None, 4096])
        async with await server.connect(receive_buffer=buffer) as client:
            last = [("Last-Event-ID", cursor_of(frames[-1]))] if frames else []
            await client.follow(started["generationId"], "", *last)
            client.budget = chance.choice([chance.randrange(1, 300_000), float("inf")])
            try:
                while (frame := await client.frame()) is not None:
                    frames.append(frame)
                    if chance.random() < 0.002:
                        await trio.sleep(0.03)
            except Cut:
                continue
    return frames


async def test_both_ways_send_the_same_bytes_whatever_happens() -> None:
    async with both_ways() as (direct, served):
        for seed in range(EXAMPLES):
            chance = random.Random(seed)
            started = await direct.start(**script(chance))
            seen: list[list[bytes]] = []

            async def read(server: Server, seed: int, started: Started = started) -> None:
                seen.append(await read_with_troubles(server, started, seed))  # noqa: B023

            async with trio.open_nursery() as readers:
                for number in range(6):
                    readers.start_soon(read, (direct, served)[number % 2], 100 * seed + number)
                if chance.random() < 0.3:
                    await direct.job(started).ref.stop()

            whole = await whole_bodies(direct, served, started)
            assert len(whole) == 1, seed
            assert all(frames == frames_of(*whole) for frames in seen), seed


async def whole_bodies(direct: Server, served: Server, started: Started) -> set[bytes]:
    """The bodies of both ways, replayed."""
    bodies = set()
    for server in (direct, served):
        async with await server.follow(started) as client:
            bodies.add(await client.body())
    return bodies


@pytest.mark.parametrize("query", ["?resume=true", ""])
async def test_both_ways_begin_and_end_alike(query: str) -> None:
    responses = []
    async with both_ways() as (direct, served):
        started = await direct.start(tokens=3, rate=0)
        await direct.job(started).ended.wait()
        for server in (direct, served):
            async with await server.connect() as client:
                await client.ask("GET", f"/api/agents/chat/stream/{started['streamId']}{query}")
                received = await client.receive_until(b"\r\n0\r\n\r\n")
            head, _, body = received.partition(b"\r\n\r\n")
            responses.append((headers_of(head), body))

    (one, first), (two, second) = responses
    assert one == two
    assert first == second, "one write each, so even the chunks are the same"


def headers_of(head: bytes) -> list[bytes]:
    """The headers that are equal for equal requests."""
    own = (b"date:", b"x-request-id:")
    return [line for line in head.split(b"\r\n") if not line.lower().startswith(own)]


# Hostile clients.

HOSTILE = 200


async def half_open(server: LiveServer, started: Started, stack: AsyncExitStack) -> None:
    client = await stack.enter_async_context(await server.connect())
    await client.stream.send_all(b"GET /api/agents/chat/stream/x HTTP/1.1\r\nHost: leg")


async def never_reads(server: LiveServer, started: Started, stack: AsyncExitStack) -> None:
    client = await stack.enter_async_context(await server.connect(receive_buffer=4096))
    await client.ask("GET", f"/api/agents/chat/stream/{started['streamId']}")


async def resets(server: LiveServer, started: Started, stack: AsyncExitStack) -> None:
    client = await stack.enter_async_context(await server.follow(started))
    await client.frame()
    reset(client)


async def reads_slowly(server: LiveServer, started: Started, stack: AsyncExitStack) -> None:
    client = await stack.enter_async_context(await server.connect(receive_buffer=4096))
    await client.ask("GET", f"/api/agents/chat/stream/{started['streamId']}")
    await client.stream.receive_some(1)


async def sends_rubbish(server: LiveServer, started: Started, stack: AsyncExitStack) -> None:
    client = await stack.enter_async_context(await server.follow(started))
    await client.stream.send_all(b"\0" * 5000)


def reset(client: RawClient) -> None:
    linger = struct.pack("ii", 1, 0)
    client.stream.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, linger)
    client.stream.socket.close()


HABITS = (half_open, never_reads, resets, reads_slowly, sends_rubbish)


async def test_hostile_clients_harm_nobody_else_and_leave_nothing_behind(serve: Serve) -> None:
    async with serve(stall_timeout=DEADLINE) as server:
        started = await server.start(tokens=6000, rate=4000, delay=1)
        async with await server.follow(started) as reader:
            async with AsyncExitStack() as hostile:
                for number in range(HOSTILE):
                    await HABITS[number % len(HABITS)](server, started, hostile)
                body = await reader.body()
            await until(lambda: not server.app.streams.bodies)

            assert data_of(frames_of(body)[-1])["final"]
            assert len(frames_of(body)) == 6003
            assert server.readers(started) == 0
            assert await reader.json("GET", "/healthz") == {"status": "ok"}
