"""Notices among two processes on a real Redis, which fails as Redis does."""

import json
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio

from tests.http.test_replicas import status_of, two
from tests.support.http.raw_client import Cut, RawClient
from tests.support.http.server_process import ServerProcess
from tests.support.storage.redis_servers import RedisServer

PATIENCE = 40.0  # seconds for an event, on a busy machine


async def follow(client: RawClient, cursor: str = "") -> None:
    headers = [("Last-Event-ID", cursor)] if cursor else []
    await client.ask("GET", "/api/events", *headers)
    assert (await client.head()).status_code == 200


async def event(client: RawClient) -> tuple[str, Any, str]:
    """Name, data and cursor of the next event."""
    with trio.fail_after(PATIENCE):
        while True:
            frame = await client.frame()
            assert frame is not None, "the body never ends cleanly"
            if frame.startswith(b"event: "):
                name, data, cursor = frame.decode().strip().split("\n")
                said = json.loads(data.removeprefix("data: "))
                return name.removeprefix("event: "), said, cursor.removeprefix("id: ")


async def reset(server: ServerProcess, cursor: str = "") -> str:
    """The cursor after a reset, which is all that the server has to say to a reader at `cursor`;
    the reader may be cut before, and comes back."""
    while True:
        async with await server.connect() as client:
            await follow(client, cursor)
            with suppress(Cut):
                name, _, after = await event(client)
                assert name == "reset"
                return after


async def test_a_tab_at_one_process_hears_of_a_generation_at_another(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    async with two(tmp_path, own_redis) as (owner, other):
        async with await other.connect() as client:
            await follow(client)
            await event(client)
            started = await owner.start(tokens=10, rate=0)
            first, second, third = [await event(client) for _ in range(3)]
        assert [each[0] for each in (first, second, third)] == ["started", "ended", "renamed"]
        assert first[1]["generationId"] == started["generationId"]
        assert await status_of(other, "/api/agents/chat/active") == (200, {"activeJobIds": []})

        async with await owner.connect() as client:
            await follow(client, first[2])
            assert [await event(client) for _ in range(2)] == [second, third]
        own_redis.restart()
        await reset(owner, third[2])
        await reset(other, third[2])


async def test_a_killed_process_is_told_by_a_reset_after_its_generations_have_ended(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    async with two(tmp_path, own_redis) as (owner, other):
        async with await other.connect() as client:
            await follow(client)
            await event(client)
            await owner.start(tokens=1000, rate=10)
            name, _, cursor = await event(client)
            assert name == "started"
            owner.send(signal.SIGKILL)
        while await running(other):  # each reset says that the lists may have changed
            cursor = await reset(other, cursor)


async def running(server: ServerProcess) -> list[str]:
    _, said = await status_of(server, "/api/agents/chat/active")
    return list(said["activeJobIds"])
