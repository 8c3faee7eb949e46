"""A gate between a server and its storage, which may become silent, or closed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio
from sqlalchemy import make_url

from tests.support.storage.postgres import Server


class Gate:
    """A TCP port that leads to a server; the gate may become silent, or closed, and open again.

    A silent gate acknowledges all bytes and says nothing, also to new connections.
    """

    def __init__(self, connect: Callable[[], Awaitable[trio.SocketStream]]) -> None:
        self.carried = 0  # connections so far
        self.is_silent = False
        self.is_closed = False
        self._connect = connect
        self._scopes: set[trio.CancelScope] = set()

    def open(self) -> None:
        """Open the gate; the connections of before are lost."""
        self.is_silent = self.is_closed = False
        self._drop()

    def close(self) -> None:
        self.is_closed = True
        self._drop()

    def _drop(self) -> None:
        for scope in self._scopes:
            scope.cancel()

    async def carry(self, client: trio.SocketStream) -> None:
        self.carried += 1
        with trio.CancelScope() as scope:
            self._scopes.add(scope)
            with suppress(trio.BrokenResourceError, OSError):
                if self.is_closed:
                    return
                async with await self._connect() as server, trio.open_nursery() as nursery:
                    nursery.start_soon(self._pump, client, server, nursery.cancel_scope)
                    nursery.start_soon(self._pump, server, client, nursery.cancel_scope)
        self._scopes.discard(scope)

    async def _pump(
        self, source: trio.SocketStream, sink: trio.SocketStream, both: trio.CancelScope
    ) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in source:
                if not self.is_silent:
                    await sink.send_all(data)
        both.cancel()


@asynccontextmanager
async def gate(
    connect: Callable[[], Awaitable[trio.SocketStream]],
) -> AsyncIterator[tuple[Gate, int]]:
    """A gate, and the gate's port on 127.0.0.1."""
    async with trio.open_nursery() as nursery:
        opened = Gate(connect)
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        await nursery.start(trio.serve_listeners, opened.carry, listeners)
        yield opened, listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def postgresql_behind_gate(server: Server, url: str) -> AsyncIterator[tuple[Gate, str]]:
    """A gate to this database, and the URL through the gate."""
    address = make_url(url)
    socket = f"{address.query['host']}/.s.PGSQL.5432"
    async with gate(partial(trio.open_unix_socket, socket)) as (opened, port):
        yield opened, f"postgresql://{address.username}@127.0.0.1:{port}/{address.database}"
