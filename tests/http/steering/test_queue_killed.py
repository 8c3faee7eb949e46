"""Waiting turns of real processes: reordered, one cancelled, killed, and asked in that order."""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trio

from tests.http.steering.test_queue import QUEUE
from tests.http.test_replicas import Reader, has_ended, two
from tests.support.http.raw_client import START, Started
from tests.support.http.server_process import ServerProcess, legato_serve
from tests.support.storage.redis_servers import RedisServer


async def ask(server: ServerProcess, method: str, path: str, body: object = None) -> Any:
    async with await server.connect() as client:
        return await client.json(method, path, body)


async def queued(
    server: ServerProcess, others: Sequence[ServerProcess], *texts: str
) -> list[Started]:
    # the answer goes on until the server is killed, however long that takes
    started = [await server.start(tokens=100_000, rate=20)]
    for other, text in zip(others, texts, strict=True):
        body = {
            "text": text,
            "model": "scripted",
            "conversationId": started[0]["conversationId"],
            "model_parameters": {"tokens": 3, "rate": 0},
            "on_busy": "enqueue",
        }
        started.append(await ask(other, "POST", START, body))
    return started


async def reordered(server: ServerProcess, started: Sequence[Started]) -> None:
    """Move the last turn to the front, and cancel the first that waits."""
    ids = [
        {"conversationId": each["conversationId"], "generationId": each["generationId"]}
        for each in started
    ]
    assert (await ask(server, "POST", f"{QUEUE}/front", ids[3]))["position"] == 1
    assert (await ask(server, "POST", f"{QUEUE}/cancel", ids[1]))["cancelled"] is True
    assert await listed(server, started[0]) == ["fourth", "third"]


async def listed(server: ServerProcess, started: Started) -> list[str]:
    reply = await ask(server, "GET", f"{QUEUE}/{started['conversationId']}")
    return [each["text"] for each in reply["queue"]]


async def asked(server: ServerProcess, started: Sequence[Started]) -> list[str]:
    """The questions of the conversation, once the last two turns have ended."""
    async with trio.open_nursery() as nursery:
        for each in started[2:]:
            reader = Reader()
            nursery.start_soon(reader.read, server, each)
            nursery.start_soon(reader.has, has_ended)
    messages = await ask(server, "GET", f"/api/messages/{started[0]['conversationId']}")
    return [each["text"] for each in messages if each["isCreatedByUser"]]


async def test_the_order_of_waiting_turns_outlives_a_killed_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/legato.db"
    async with legato_serve(tmp_path, LEGATO_DATABASE_URL=url) as server:
        started = await queued(server, [server] * 3, "second", "third", "fourth")
        await reordered(server, started)
        server.send(signal.SIGKILL)
        await server.exit()
    async with legato_serve(tmp_path, LEGATO_DATABASE_URL=url) as server:
        assert await asked(server, started) == ["Say something.", "fourth", "third"]
        assert await listed(server, started[0]) == []


async def test_the_order_of_waiting_turns_outlives_a_killed_replica(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    async with two(tmp_path, own_redis) as (owner, other):
        started = await queued(owner, [other, owner, owner], "second", "third", "fourth")
        await reordered(other, started)
        owner.send(signal.SIGKILL)
        await owner.exit()
        assert await asked(other, started) == ["Say something.", "fourth", "third"]
