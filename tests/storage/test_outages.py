"""A real server whose storage is in trouble, as the table in docs/operations.md says."""

import math
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final

import pytest
import trio

from legato.http.server.server import END, HURRY
from legato.storage.breaker import LONG
from legato.storage.contracts.records import PING_TIMEOUT
from tests.support.http.live_server import until
from tests.support.http.raw_client import Cut, Started
from tests.support.http.server_process import (
    DEADLINE,
    LEGATO,
    ServerProcess,
    environment,
    legato_serve,
    output_of,
)
from tests.support.storage.gates import postgresql_behind_gate
from tests.support.storage.outages import (
    Place,
    asks,
    postgresql_place,
    ready_again,
    redis_place,
    sqlite_place,
    start,
    starts,
    stop,
)
from tests.support.storage.postgres import Server

STORE_TIMEOUT: Final = 1.0  # seconds: of a real server ten
DRAIN_TIMEOUT: Final = 0.2
LIMITS: Final = {
    "LEGATO_STORE_TIMEOUT": str(STORE_TIMEOUT),
    "LEGATO_DRAIN_TIMEOUT": str(DRAIN_TIMEOUT),
    "LEGATO_MAX_RUNNING_JOBS_PER_USER": "100",
}
AT_ONCE: Final = 1.5  # seconds at most, on a busy machine
READY: Final = 2.0  # seconds for /readyz in every state


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        if request.param == "sqlite":
            yield sqlite_place(tmp_path)
        elif request.param == "redis":
            yield redis_place(tmp_path, request.getfixturevalue("own_redis"))
        else:
            server, url = (request.getfixturevalue(n) for n in ("server", "postgresql_url"))
            yield await stack.enter_async_context(postgresql_place(server, url))


async def test_in_trouble_it_refuses_starts_at_once_says_why_and_serves_the_rest(
    place: Place, tmp_path: Path
) -> None:
    patience = max(STORE_TIMEOUT, place.patience)
    async with legato_serve(tmp_path, **LIMITS, **place.variables) as server:
        await ready_again(server)
        for name, trouble in place.troubles.items():
            followed = await server.start(tokens=1_000_000, rate=50)
            stopped = await server.start(tokens=1_000_000, rate=50)
            async with await server.follow(followed) as reader:
                with trouble(server.pid):
                    await check_starts(server, patience)
                    await check_readiness(server)
                    await check_reading(server, followed, reads_on=name in place.reads_on)
                    await check_stop(server, stopped)
                    for _ in range(20):
                        assert await reader.frame(), name
                await ready_again(server)
            await stop(server, followed)
            await started_again(server)
        assert "Traceback" not in server.log()


async def check_starts(server: ServerProcess, patience: float) -> None:
    """The first requests find the trouble; later requests are refused at once."""
    first, later = await starts(server), await starts(server)
    for reply in (*first, *later):
        assert (reply.status, reply.retry_after) == (503, b"2"), reply
        assert reply.body["error"] == "Storage unavailable"
    assert first[-1].seconds < patience + AT_ONCE
    assert later[-1].seconds < AT_ONCE


async def check_readiness(server: ServerProcess) -> None:
    ready, health = await asks(server, "GET", "/readyz"), await asks(server, "GET", "/healthz")
    assert (ready.status, ready.body["error"]) == (503, "Storage unavailable")
    assert ready.seconds < READY
    assert health.status == 200


async def check_reading(server: ServerProcess, started: Started, *, reads_on: bool) -> None:
    read = await asks(server, "GET", f"/api/messages/{started['conversationId']}")
    assert read.status == (200 if reads_on else 503), read
    assert read.seconds < AT_ONCE


async def check_stop(server: ServerProcess, started: Started) -> None:
    reply = await stop(server, started)
    assert (reply.status, reply.body["success"]) == (200, True), reply
    assert reply.body.get("persistenceFailed") is True
    assert reply.seconds < STORE_TIMEOUT + AT_ONCE


async def started_again(server: ServerProcess) -> None:
    """A Redis that lost everything is told again before anything starts."""
    with trio.fail_after(10):
        while (await start(server)).status != 200:  # noqa: ASYNC110
            await trio.sleep(0.05)


async def test_a_start_is_refused_long_before_the_storage_has_had_its_time(
    place: Place, tmp_path: Path
) -> None:
    limits = {**LIMITS, "LEGATO_STORE_TIMEOUT": "60", **place.variables}
    async with legato_serve(tmp_path, **limits) as server:
        await ready_again(server)
        with place.troubles[place.hangs](server.pid):
            async with trio.open_nursery() as nursery:
                with trio.fail_after(LONG + PING_TIMEOUT + AT_ONCE):
                    await first_refusal(server, nursery)
                assert (await start(server)).seconds < AT_ONCE
                nursery.cancel_scope.cancel()


async def first_refusal(server: ServerProcess, nursery: trio.Nursery) -> None:
    """Start again and again, and wait for no reply but this."""
    refused = trio.Event()

    async def one() -> None:
        assert (await start(server)).status == 503
        refused.set()

    while not refused.is_set():
        nursery.start_soon(one)
        await trio.sleep(0.1)


@pytest.mark.parametrize("signals", [1, 2])
async def test_it_ends_in_its_time_whatever_hangs(
    place: Place, signals: int, tmp_path: Path
) -> None:
    async with legato_serve(tmp_path, **LIMITS, **place.variables) as server:
        await ready_again(server)
        running = await server.start(tokens=1_000_000, rate=50)
        async with await server.follow(running), trio.open_nursery() as nursery:
            with place.troubles[place.hangs](server.pid):
                for _ in range(20):
                    nursery.start_soon(start_in_vain, server)
                await known_to_hang(server)
                began = math.inf
                for _ in range(signals):
                    began = trio.current_time()
                    server.send(signal.SIGTERM)
                    await draining(server)
                assert await server.exit() == 0, server.log()
                seconds = trio.current_time() - began
    assert seconds < (HURRY + 2 * AT_ONCE if signals == 2 else DRAIN_TIMEOUT + END)


async def test_it_ends_in_its_time_also_where_nothing_is_to_be_stored(
    place: Place, tmp_path: Path
) -> None:
    async with legato_serve(tmp_path, **LIMITS, **place.variables) as server:
        await ready_again(server)
        with place.troubles[place.hangs](server.pid):
            began = trio.current_time()
            server.send(signal.SIGTERM)
            assert await server.exit() == 0, server.log()
            assert trio.current_time() - began < DRAIN_TIMEOUT + END


async def start_in_vain(server: ServerProcess) -> None:
    """The client of this stream may be cut."""
    with suppress(Cut, OSError, trio.BrokenResourceError):
        await start(server)


async def known_to_hang(server: ServerProcess) -> None:
    while (await asks(server, "GET", "/readyz")).status == 200:  # noqa: ASYNC110
        await trio.sleep(0.05)


async def draining(server: ServerProcess) -> None:
    while "draining" not in server.events():  # noqa: ASYNC110
        await trio.sleep(0.01)


async def test_a_silent_server_is_not_waited_for_at_the_start(
    server: Server, postgresql_url: str, tmp_path: Path
) -> None:
    async with postgresql_behind_gate(server, postgresql_url) as (gate, url):
        gate.is_silent = True
        status, errors = await output_of(
            tmp_path, "serve", "--port", "0", LEGATO_DATABASE_URL=url, **LIMITS
        )
    assert (status, errors.count("\n")) == (1, 1)
    assert errors.startswith("legato: LEGATO_DATABASE_URL: ")


async def test_who_waits_for_a_silent_server_at_the_start_can_be_told_to_end(
    server: Server, postgresql_url: str, tmp_path: Path
) -> None:
    variables = {"LEGATO_STORE_TIMEOUT": "60"}
    async with postgresql_behind_gate(server, postgresql_url) as (gate, url):
        gate.is_silent = True
        variables["LEGATO_DATABASE_URL"] = url
        command = (*LEGATO, "serve", "--port", "0")
        process = await trio.lowlevel.open_process(
            command, cwd=tmp_path, env=environment(variables)
        )
        with trio.fail_after(DEADLINE):
            await until(lambda: gate.carried > 0)
            began = trio.current_time()
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    assert trio.current_time() - began < 2 * AT_ONCE
