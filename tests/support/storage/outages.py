"""Storages in trouble under a real server: ways into trouble, and the replies that clients see."""

import json
import resource
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

import trio
from sqlalchemy import make_url

from legato.storage.redis.replication import TIMEOUT
from tests.support.http.raw_client import START, Started
from tests.support.http.server_process import ServerProcess
from tests.support.storage.gates import Gate, postgresql_behind_gate
from tests.support.storage.postgres import Server
from tests.support.storage.redis_servers import RedisServer

STARTS: Final = 30  # at the same time, more than there are connections

Trouble = Callable[[int], AbstractContextManager[None]]
"""Makes trouble for the server process of this id, for as long as the block lasts."""


class Place(NamedTuple):
    """The settings of a storage for a server, and the troubles possible there, by name.

    `hangs` is the trouble without answers; in the troubles of `reads_on`, stored rows are read.
    `patience`: seconds until the hang is known, where `store_timeout` does not decide.
    """

    variables: Mapping[str, str]
    troubles: Mapping[str, Trouble]
    hangs: str
    reads_on: Collection[str]
    patience: float = 0.0


# SQLite.


def sqlite_place(folder: Path) -> Place:
    file = folder / "legato.db"
    troubles: dict[str, Trouble] = {
        "locked": lambda _: locked(file),
        "full": full,
        "deleted": lambda _: moved(file),
        "replaced": lambda _: replaced(file),
    }
    variables = {"LEGATO_DATABASE_URL": f"sqlite:///{file}"}
    return Place(variables, troubles, "locked", reads_on=troubles)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Locked by a second process's write."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(pid: int) -> Iterator[None]:
    """No file may grow, as on a full disk."""
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, unlimited[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)


@contextmanager
def moved(file: Path) -> Iterator[None]:
    file.rename(away := file.with_name("away.db"))
    yield
    away.rename(file)


@contextmanager
def replaced(file: Path) -> Iterator[None]:
    with moved(file):
        file.touch()
        yield
        file.unlink()


# PostgreSQL.


@asynccontextmanager
async def postgresql_place(server: Server, url: str) -> AsyncIterator[Place]:
    name = str(make_url(url).database)
    async with postgresql_behind_gate(server, url) as (gate, through):
        troubles: dict[str, Trouble] = {
            "down": lambda _: closed(gate),
            "silent": lambda _: silent(gate),
            "read-only": lambda _: altered(
                server,
                name,
                "SET default_transaction_read_only = on",
                "RESET default_transaction_read_only",
            ),
            "out of connections": lambda _: altered(
                server, name, "ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true"
            ),
        }
        variables = {"LEGATO_DATABASE_URL": through}
        yield Place(variables, troubles, "silent", reads_on=["read-only"])


@contextmanager
def closed(gate: Gate) -> Iterator[None]:
    gate.close()
    yield
    gate.open()


@contextmanager
def silent(gate: Gate) -> Iterator[None]:
    """A server that acknowledges all bytes, like a machine whose server is stopped."""
    gate.is_silent = True
    yield
    gate.open()


@contextmanager
def altered(server: Server, database: str, change: str, back: str) -> Iterator[None]:
    """Changed for all sessions from now on; the sessions of before end."""
    server.execute(f"ALTER DATABASE {database} {change}")
    end_sessions(server, database)
    yield
    server.execute(f"ALTER DATABASE {database} {back}")
    end_sessions(server, database)


def end_sessions(server: Server, database: str) -> None:
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
    server.execute(f"{ended} '{database}'")


# Redis.


def redis_place(folder: Path, redis: RedisServer) -> Place:
    troubles: dict[str, Trouble] = {
        "silent": lambda _: stopped(redis),
        "full": lambda _: asked(
            redis, ("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")
        ),
        "read-only": lambda _: asked(
            redis, ("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")
        ),
        "down": lambda _: down(redis),
    }
    variables = {
        "LEGATO_DATABASE_URL": f"sqlite:///{folder}/legato.db",
        "LEGATO_REDIS_URL": redis.url,
        "LEGATO_LEASE": "1",
    }
    return Place(variables, troubles, "silent", reads_on=troubles, patience=TIMEOUT)


@contextmanager
def stopped(redis: RedisServer) -> Iterator[None]:
    redis.signal(signal.SIGSTOP)
    yield
    redis.signal(signal.SIGCONT)


@contextmanager
def asked(redis: RedisServer, change: tuple[str, ...], back: tuple[str, ...]) -> Iterator[None]:
    redis.ask(*change)
    yield
    redis.ask(*back)


@contextmanager
def down(redis: RedisServer) -> Iterator[None]:
    redis.stop()
    yield
    redis.start()


# What clients see.


class Reply(NamedTuple):
    status: int
    seconds: float
    body: Any
    retry_after: bytes | None = None


async def asks(server: ServerProcess, method: str, target: str, body: object = None) -> Reply:
    began = trio.current_time()
    async with await server.connect() as client:
        await client.ask(method, target, body=b"" if body is None else json.dumps(body).encode())
        head = await client.head()
        said = json.loads(await client.body())
    seconds = trio.current_time() - began
    return Reply(head.status_code, seconds, said, dict(head.headers).get(b"retry-after"))


async def start(server: ServerProcess) -> Reply:
    parameters = {"tokens": 1, "rate": 0}
    turn = {"text": "Hello", "conversationId": str(uuid4()), "model_parameters": parameters}
    return await asks(server, "POST", START, {**turn, "model": "scripted"})


async def starts(server: ServerProcess) -> list[Reply]:
    """Many starts at the same time, in the order of their replies."""
    replies: list[Reply] = []

    async def one() -> None:
        replies.append(await start(server))

    async with trio.open_nursery() as nursery:
        for _ in range(STARTS):
            nursery.start_soon(one)
    return replies


async def stop(server: ServerProcess, started: Started) -> Reply:
    target = {"generationId": started["generationId"]}
    return await asks(server, "POST", "/api/agents/chat/abort", target)


async def ready_again(server: ServerProcess, seconds: float = 15.0) -> None:
    with trio.fail_after(seconds):
        while (await asks(server, "GET", "/readyz")).status != 200:  # noqa: ASYNC110
            await trio.sleep(0.05)
