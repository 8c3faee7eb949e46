"""A server's open connections: what one client does harms no other, and holds nothing up."""

import struct
from collections.abc import Callable
from contextlib import suppress
from socket import socket
from typing import Any, Final, cast

import structlog
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    ConnectionState,
    Scope,
)

from legato.http.application import Legato
from legato.http.sse import DIRECT

SLICE: Final = 16 * 1024  # bytes that are written at a time, each slice with its own deadline

RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER for no time: closing sends RST

log = structlog.get_logger()


class ClientStream:
    """A client's socket, as Hypercorn is given it."""

    def __init__(self, accepted: trio.SocketStream, patience: float) -> None:
        """`patience`: seconds in which a client must take a slice, or lose its connection."""
        plain = socket(fileno=accepted.socket.detach())
        self.socket = trio.socket.from_stdlib_socket(plain)
        self.send_nowait: Final = plain.send  # past Trio: for whoever writes without waiting
        self.life = trio.CancelScope()
        self._stream = trio.SocketStream(self.socket)
        self._patience = patience
        self._writing = trio.CancelScope()

    async def receive_some(self, max_bytes: int) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def send_all(self, data: bytes | memoryview) -> None:
        """Hypercorn shields its writes from cancellation, so their deadline has to be in here."""
        view = memoryview(data)
        for start in range(0, len(data), SLICE):
            with trio.move_on_after(self._patience) as self._writing:
                await self._stream.send_all(view[start : start + SLICE])
            if self._writing.cancelled_caught:
                self.reset()
                raise trio.BrokenResourceError("the client takes nothing")

    def hasten(self, patience: float) -> None:
        """Have no more patience than this, from now on."""
        self._patience = patience
        self._writing.deadline = min(self._writing.deadline, trio.current_time() + patience)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()
        # Behind a response that ends the connection, Hypercorn waits for ever for the next
        # request's turn where a client sent one ahead; so the connection's task ends from here.
        self.life.cancel()

    def reset(self) -> None:
        """Close at once, whoever waits for the client, and so that nobody takes it for an end."""
        with suppress(OSError):
            self.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, RESET_ON_CLOSE)
        self.socket.close()


class WatchedExchange:
    """A request and its response, watched for a response that stops before its end."""

    def __init__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._receive = receive
        self._send = send
        self._began = False
        self._client_left = False

    @property
    def is_cut(self) -> bool:
        return self._began and not self._client_left

    async def receive(self) -> ASGIReceiveEvent:
        message = await self._receive()
        self._client_left |= message["type"] == "http.disconnect"
        return message

    async def send(self, message: ASGISendEvent) -> None:
        more = message.get("more_body", False)
        self._began = message["type"] == "http.response.start" or bool(more)
        await self._send(message)


class ClientApp(ASGIWrapper):
    """The application, as one connection's requests reach it."""

    def __init__(self, app: Legato, client: ClientStream, *, direct: bool) -> None:
        super().__init__(app)
        self._client = client
        self._direct = direct

    async def __call__(
        self,
        scope: Scope,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
        sync_spawn: Callable[..., Any],
        call_soon: Callable[..., Any],
    ) -> None:
        exchange = WatchedExchange(receive, send)
        if self._direct and scope["type"] == "http" and scope["http_version"] == "1.1":
            cast("dict[str, object]", scope["extensions"])[DIRECT] = self._client
        try:
            await self.app(scope, exchange.receive, exchange.send)
        finally:
            # HTTP/1.1 shows by the missing last chunk that a body was cut.  In HTTP/1.0 (nginx
            # asks so by default) the end of the connection is the end of the body, and in
            # HTTP/2 Hypercorn forgets the stream without a word.
            if exchange.is_cut and scope.get("http_version") != "1.1":
                self._client.reset()


class Connections:
    def __init__(
        self, app: Legato, config: Config, context: WorkerContext, *, direct: bool
    ) -> None:
        """`direct`: whether streams may go past Hypercorn where they can."""
        self._app = app
        self._config = config
        self._context = context
        self._patience = app.settings.limits.stall_timeout
        self._direct = direct
        self._clients: set[ClientStream] = set()

    def __len__(self) -> int:
        return len(self._clients)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one client.  Whatever it makes Hypercorn stumble over ends only its connection."""
        client = ClientStream(stream, self._patience)
        self._clients.add(client)
        try:
            with client.life:
                await self._server(client).run()
        except Exception:
            log.exception("connection failed")
        finally:
            client.socket.close()
            self._clients.discard(client)

    def _server(self, client: ClientStream) -> TCPServer:
        return TCPServer(
            ClientApp(self._app, client, direct=self._direct),
            self._config,
            self._context,
            ConnectionState({}),
            cast("trio.SSLStream[trio.SocketStream]", client),
        )

    def hasten(self, patience: float) -> None:
        """Close the connections whose clients take nothing for so many seconds from now on."""
        for client in self._clients:
            client.hasten(patience)

    async def close_when(self, overdue: Callable[[], Any]) -> None:
        """Close every connection once `overdue` returns, or this is cancelled.

        A write to a client that never reads does not end by itself, nor by being cancelled:
        closing the socket under it is the only way to end it.
        """
        try:
            await overdue()
        finally:
            for client in self._clients:
                client.reset()
