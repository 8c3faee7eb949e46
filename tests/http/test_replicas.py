"""Two replicas as real processes on a real Redis, which fails as Redis does."""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from legato.storage.open import open_records
from tests.support.actors import SimulatedClient
from tests.support.http.raw_client import Started
from tests.support.http.server_process import ServerProcess, long_serve
from tests.support.models.played import (
    DONE,
    END,
    HEAD,
    chunk,
    delta,
    finish,
    open_provider,
    streams,
)
from tests.support.storage.redis_servers import RedisServer

LIFE = 100.0  # seconds for a replica, at most


class Reader:
    """A reader with the frames so far, and the number of heartbeats."""

    def __init__(self) -> None:
        self.client = SimulatedClient()
        self.beats = 0

    async def read(self, server: ServerProcess, started: Started) -> None:
        async with await server.connect() as client:
            await client.follow(started["generationId"])
            while (frame := await client.frame()) is not None:
                if frame.startswith(b":"):
                    self.beats += 1
                else:
                    self.client.feed(frame)

    async def has(self, condition: Callable[["Reader"], object], seconds: float = 30) -> None:
        with trio.fail_after(seconds):
            while not condition(self):  # noqa: ASYNC110
                await trio.sleep(0.02)


def has_ended(reader: Reader) -> bool:
    return reader.client.terminal is not None


@asynccontextmanager
async def two(
    folder: Path, redis: RedisServer, settings: str = "", **more: str
) -> AsyncIterator[tuple[ServerProcess, ServerProcess]]:
    """Two replicas on a database and `redis`; `settings` is the text of legato.toml, `more` are
    further variables."""
    database = f"sqlite:///{folder}/legato.db"
    async with open_records(database):
        pass  # the tables are made once
    variables = {
        "LEGATO_DATABASE_URL": database,
        "LEGATO_REDIS_URL": redis.url,
        "LEGATO_LEASE": "1",
        "LEGATO_HEARTBEAT": "0.5",
        **more,
    }
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "legato.toml").write_text(settings)
    async with (
        long_serve(folder / "a", variables, LIFE) as owner,
        long_serve(folder / "b", variables, LIFE) as other,
    ):
        yield owner, other


async def status_of(server: ServerProcess, path: str) -> tuple[int, Any]:
    async with await server.connect() as client:
        await client.ask("GET", path)
        return await client.answer()


async def ready(server: ServerProcess) -> None:
    with trio.fail_after(15):
        while (await status_of(server, "/readyz"))[0] != 200:  # noqa: ASYNC110
            await trio.sleep(0.05)


async def test_redis_that_hangs_holds_up_nobody_who_reads_at_the_owner(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    async with two(tmp_path, own_redis) as (owner, other):
        started = await owner.start(tokens=400, rate=50)
        here, there = Reader(), Reader()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.read, owner, started)
            nursery.start_soon(there.read, other, started)
            await there.has(lambda reader: reader.client.seqs)
            own_redis.signal(signal.SIGSTOP)
            seen = there.client.seqs[-1]
            await here.has(lambda reader: reader.client.seqs[-1] > seen + 300)
            beats = there.beats
            await there.has(lambda reader: reader.beats > beats, 5)
            assert there.client.terminal is None
            assert there.client.seqs[-1] < seen + 100
            status, said = await status_of(owner, "/readyz")
            assert status == 503
            assert "Redis" in str(said)
            own_redis.signal(signal.SIGCONT)
            await here.has(has_ended)
            await there.has(has_ended)
        assert here.client.frames == there.client.frames
        assert here.client.frames[-1].get("failed") is None
        await ready(owner)


async def test_redis_that_comes_back_empty_is_told_all_again(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    async with two(tmp_path, own_redis) as (owner, other):
        before = await owner.start(tokens=10, rate=0)
        started = await owner.start(tokens=300, rate=50)
        here, there, late, earlier = Reader(), Reader(), Reader(), Reader()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.read, owner, started)
            nursery.start_soon(there.read, other, started)
            await there.has(lambda reader: reader.client.seqs)
            own_redis.restart()
            await there.has(has_ended)
            await here.has(has_ended)
        await ready(other)
        await late.read(other, started)
        await earlier.read(other, before)
        assert here.client.frames == there.client.frames == late.client.frames
        assert earlier.client.terminal is not None


async def test_what_redis_does_not_take_is_said_and_kept_later(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    async with two(tmp_path, own_redis) as (owner, other):
        started = await owner.start(tokens=150, rate=50)
        here, there = Reader(), Reader()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.read, owner, started)
            await here.has(lambda reader: reader.client.seqs)
            own_redis.ask("CONFIG", "SET", "maxmemory", "1")
            await here.has(lambda reader: len(reader.client.seqs) > 140)
            status, said = await status_of(owner, "/readyz")
            assert status == 503
            assert "maxmemory" in str(said)
            async with await owner.connect() as client:
                await client.ask("POST", "/api/agents/chat", body=b'{"text": "More?"}')
                assert (await client.head()).status_code == 503
            assert here.client.terminal is None, "nobody else could know of it"
            own_redis.ask("CONFIG", "SET", "maxmemory", "0")
            await here.has(has_ended)
        await ready(owner)
        await there.read(other, started)
        assert here.client.frames == there.client.frames


async def test_another_replica_has_the_model_go_on_with_the_same_answer(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    async def begins(stream: trio.SocketStream) -> None:
        await stream.send_all(HEAD + chunk(delta(content="Once upon ")) + chunk(delta(content="a")))
        await trio.sleep_forever()

    async def goes_on(stream: trio.SocketStream) -> None:
        await stream.send_all(HEAD + chunk(delta(content=" time.")) + chunk(finish("stop")))
        await stream.send_all(chunk(DONE) + END)

    async with open_provider() as provider:
        provider.plays = [begins, goes_on, streams(delta(content="A title"), finish("stop"), DONE)]
        settings = (
            'on_owner_lost = "continue"\n'
            f'[models.story]\nprovider = "openai"\nbase_url = "{provider.base_url}"\n'
        )
        async with two(tmp_path, own_redis, settings) as (owner, other):
            started, reader = await owner.start(model="story"), Reader()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reader.read, other, started)
                await reader.has(lambda reader: len(reader.client.seqs) == 4)
                await trio.sleep(0.2)  # for the journal to have the events
                owner.send(signal.SIGKILL)
                await reader.has(has_ended)
    assert reader.client.content[0]["text"] == "Once upon a time."
    assert reader.client.seqs == [*range(1, reader.client.seqs[-1] + 1)]
    assert reader.client.cursor is not None
    assert reader.client.cursor.epoch == 2
    assert provider.bodies[1]["messages"][-1] == {"role": "assistant", "content": "Once upon a"}
