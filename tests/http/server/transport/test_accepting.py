"""Clients without a place: each gets a refusal, and connected clients are not disturbed."""

import errno
import os
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

import httpx
import pytest
import trio
from msgspec.structs import replace
from structlog.testing import capture_logs

from legato.config import Guards
from legato.http.server.transport.accepting import FAILED, next_present
from legato.http.server.transport.connection import ConnectionServer
from tests.support.http.live_server import SETTINGS, live_server, until
from tests.support.http.raw_client import RawClient, Server
from tests.support.http.server_process import legato_serve

SOON = 5.0


@asynccontextmanager
async def guests(server: Server, count: int) -> AsyncIterator[list[RawClient]]:
    """Connected clients, each with an answer."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(await server.connect()) for _ in range(count)]
        for client in clients:
            assert await client.json("GET", "/healthz") == {"status": "ok"}
        yield clients


async def answer_to_one_more(server: Server) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{server.port}/healthz")


async def test_one_connection_more_than_there_may_be_is_told_so() -> None:
    with capture_logs() as logs:
        async with live_server(max_connections=3) as server, guests(server, 3) as clients:
            answers = [await answer_to_one_more(server) for _ in range(3)]
            for client in clients:
                await client.json("GET", "/healthz")

    assert [answer.status_code for answer in answers] == [503] * 3
    assert answers[0].headers["Retry-After"] == "5"
    assert answers[0].headers["Connection"] == "close"
    assert answers[0].json() == {
        "error": "Too many connections",
        "message": "It has as many connections as it may have; try again in 5 seconds.",
    }
    assert [entry["reason"] for entry in logs if entry["event"] == "connections refused"] == [
        "process"
    ]


@asynccontextmanager
async def neighbours(port: int, count: int) -> AsyncIterator[list[int]]:
    """Statuses of `count` clients at this machine's own address, all connected.

    A refused client gets the refusal without a request.
    """
    address = own_address()
    async with AsyncExitStack() as stack:
        statuses: list[int] = []
        for _ in range(count):
            stream = await trio.open_tcp_stream(address, port)
            client = await stack.enter_async_context(RawClient(stream, "none"))
            await client.ask("GET", "/healthz")
            statuses.append((await client.head()).status_code)
            await client.body()
        yield statuses


def own_address() -> str:
    """An address of this machine other than loopback's, found without sending a packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback's")
        return str(probe.getsockname()[0])


async def test_an_address_has_its_share_and_others_are_served_beside_it() -> None:
    with capture_logs() as logs:
        async with live_server(host="0.0.0.0", max_connections_per_address=3) as server:
            async with neighbours(server.port, 5) as statuses:
                assert (await answer_to_one_more(server)).status_code == 200  # from loopback
            await until(lambda: server.app.connection_limit.open == 0)
            async with neighbours(server.port, 3) as later:
                pass

    assert statuses == [200, 200, 200, 503, 503]
    assert later == [200, 200, 200]
    refused = [entry["reason"] for entry in logs if entry["event"] == "connections refused"]
    assert refused == ["address"]


async def test_the_address_of_a_proxy_that_is_named_has_no_share() -> None:
    guards = Guards(trusted_proxies=(own_address(),))
    settings = replace(SETTINGS, guards=guards)
    async with (
        live_server(settings, host="0.0.0.0", max_connections_per_address=3) as server,
        neighbours(server.port, 5) as statuses,
    ):
        pass

    assert statuses == [200] * 5


async def test_who_leaves_makes_room_for_another() -> None:
    async with live_server(max_connections=2) as server:
        for _ in range(3):
            async with guests(server, 2):
                assert server.app.connection_limit.open == 2
            await until(lambda: server.app.connection_limit.open == 0)


async def test_the_refused_are_counted_and_those_who_are_in() -> None:
    async with live_server(max_connections=1) as server, guests(server, 1) as [client]:
        await answer_to_one_more(server)
        client.host = "127.0.0.1"
        await client.ask("GET", "/metrics")
        assert (await client.head()).status_code == 200
        text = (await client.body()).decode()

    lines = text.splitlines()
    assert any(line.startswith("legato_connections{") and line.endswith(" 1.0") for line in lines)
    assert 'legato_connections_refused_total{reason="process"' in text


async def test_who_is_refused_and_says_nothing_is_not_waited_for() -> None:
    async with (
        live_server(max_connections=1) as server,
        guests(server, 1),
        await server.connect() as silent,
    ):
        with trio.fail_after(SOON):
            assert await silent.receive_until(b"}")
            assert await silent.stream.receive_some() == b""


async def test_without_a_descriptor_left_a_client_is_told_so_and_others_are_served(
    tmp_path: Path,
) -> None:
    async with legato_serve(tmp_path, LEGATO_DATABASE_URL="memory://") as server:
        await answer_to_one_more(server)
        used = len(os.listdir(f"/proc/{server.pid}/fd"))
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used + 5, used + 5))
        async with guests(server, 4) as clients:
            async with AsyncExitStack() as stack:
                more = [await stack.enter_async_context(await server.connect()) for _ in range(20)]
                answers = [await first_line(client) for client in more]
            for client in clients:
                await client.json("GET", "/healthz")
            await until_served(server)

    assert answers[-10:] == [b"HTTP/1.1 503 Service Unavailable"] * 10
    refused = [entry for entry in server.entries() if entry["event"] == "connections refused"]
    assert [entry["reason"] for entry in refused] == ["descriptors"]
    assert "Traceback" not in server.log()


async def first_line(client: RawClient) -> bytes:
    await client.stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: legato\r\n\r\n")
    with trio.fail_after(SOON):
        return (await client.receive_until(b"}")).partition(b"\r\n")[0]


async def until_served(server: Server) -> None:
    with trio.fail_after(SOON):
        while (await answer_to_one_more(server)).status_code != 200:
            pass


async def test_a_server_may_have_as_many_descriptors_as_its_system_lets_it(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = min(hard // 2, 512)
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    try:
        async with legato_serve(tmp_path, LEGATO_DATABASE_URL="memory://") as server:
            assert resource.prlimit(server.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_clients_that_have_left_are_dropped_before_anybody_is_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        listener.setblocking(False)
        for _ in range(3):
            socket.create_connection(listener.getsockname()).close()
        present = stack.enter_context(socket.create_connection(listener.getsockname()))
        accepted = next_present(listener)
        assert accepted is not None
        with accepted:
            assert accepted.getpeername() == present.getsockname()
        assert next_present(listener) is None


class Failing:
    """A listener whose next clients fail with these errors; no further client waits."""

    def __init__(self, *errors: int) -> None:
        self._errors = [*errors]

    def accept(self) -> object:
        raise OSError(self._errors.pop(0), "as of the kernel") if self._errors else BlockingIOError


def test_a_connection_that_failed_is_no_failure_of_the_listener() -> None:
    for error in FAILED:
        assert next_present(cast("socket.socket", Failing(error, error))) is None
    with pytest.raises(OSError, match="as of the kernel"):
        next_present(cast("socket.socket", Failing(errno.EMFILE)))


async def test_who_comes_and_leaves_costs_none_of_a_connections_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = []
    run = ConnectionServer.run

    async def counted(server: ConnectionServer) -> None:
        begun.append(server)
        await run(server)

    monkeypatch.setattr(ConnectionServer, "run", counted)
    async with live_server() as server:
        limit = server.app.connection_limit
        for ends in (False, True):
            async with await server.connect() as client:
                await until(lambda: limit.open == 1)
                if ends:  # which waits for the server, and says nothing more
                    await client.stream.send_eof()
                    assert await client.stream.receive_some() == b""
            await until(lambda: limit.open == 0)
        assert begun == []
        async with await server.connect() as client:
            assert await client.json("GET", "/healthz") == {"status": "ok"}
    assert len(begun) == 1
