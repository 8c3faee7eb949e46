"""A server's open connections: a client's fault ends only the client's connection."""

from collections.abc import Callable
from socket import socket
from typing import Any, cast

import structlog
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)

from legato.http.application import Legato
from legato.http.server.transport.client_stream import ClientStream
from legato.http.server.transport.connection import ConnectionServer
from legato.http.streams.sse import DIRECT

log = structlog.get_logger()


class WatchedExchange:
    """A request and the response, watched for a response that stops early."""

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
    """The application for the requests of one connection."""

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
            # HTTP/1.1 shows a cut body by the missing last chunk, HTTP/2 by a reset of the
            # stream.  In HTTP/1.0 (nginx's default for a backend) the end of the connection is
            # the end of the body.
            if exchange.is_cut and scope.get("http_version") == "1.0":
                self._client.reset()


class Connections:
    def __init__(
        self, app: Legato, config: Config, context: WorkerContext, *, direct: bool
    ) -> None:
        """`direct`: whether streams may go past Hypercorn where possible."""
        self.limit = app.connection_limit
        self._app = app
        self._config = config
        self._context = context
        self._patience = app.settings.limits.stall_timeout
        self._direct = direct
        self._clients: set[ClientStream] = set()

    def __len__(self) -> int:
        return len(self._clients)

    async def serve(self, accepted: socket) -> None:
        """Serve one client.  An error in Hypercorn ends only this client's connection."""
        client = ClientStream(accepted, self._patience)
        self._clients.add(client)
        try:
            with client.life:
                # Hypercorn's part is most of the cost of a connection, so the part begins with
                # the client's first byte: a client may only come and go.
                client.expect(self._first_request_wait())
                if await client.has_begun():
                    await self._server(client).run()
        except Exception:
            log.exception("connection failed")
        finally:
            client.socket.close()
            self._clients.discard(client)

    def _first_request_wait(self) -> float:
        return 0 if self._context.terminated.is_set() else self._config.keep_alive_timeout

    def _server(self, client: ClientStream) -> ConnectionServer:
        return ConnectionServer(
            ClientApp(self._app, client, direct=self._direct),
            self._config,
            self._context,
            client,
            http2=self._app.settings.http2,
            patience=self._patience,
            direct=self._direct,
        )

    def end_waits(self) -> None:
        """Close the connections that are between two requests."""
        for client in self._clients:
            client.end_wait()

    def hasten(self, patience: float) -> None:
        """Close connections whose clients take nothing for `patience` seconds from now on."""
        for client in self._clients:
            client.hasten(patience)

    async def close_when(self, overdue: Callable[[], Any]) -> None:
        """Close every connection once `overdue` returns, or the caller is cancelled.

        A write to a client that never reads does not end by time, nor by a cancellation: only
        closing the socket ends the write.
        """
        try:
            await overdue()
        finally:
            for client in self._clients:
                client.reset()
