"""The application's side of ASGI: bodies that are cut, and the lifespan."""

import re
import sys
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from typing import Final, TypedDict, cast
from urllib.parse import urlsplit

import trio
from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    HTTPScope,
    WebsocketScope,
)
from quart import Quart, Request, Response
from quart.typing import ResponseTypes
from quart_trio import QuartTrio
from quart_trio.asgi import (
    TrioASGIHTTPConnection,
    TrioASGILifespan,
    TrioASGIWebsocketConnection,
)

from legato.config import ConfigError, Settings
from legato.http.input.uploads import Upload, upload_of
from legato.http.server.exchange import ASGIExchange
from legato.http.server.transport.requests import REQUEST, RequestStream
from legato.http.streams.streaming import STOP_PATIENCE, StreamBody, StreamCut
from legato.logs import configure_own_log
from legato.models.contract import ModelError
from legato.storage.contracts.errors import StorageError

ONE_SLASH: Final = re.compile(r"/(?!/)")
"""The beginning of a path: exactly one slash."""

NOWHERE: Final = "/."
"""A prefix of no route."""

NEEDS_TRIO: Final = "Legato runs on Trio only, for example: hypercorn --worker-class trio"


class HTTPConnection(TrioASGIHTTPConnection):
    """A request's way through Quart: under our own server a single task, elsewhere two more.

    Our own server ends the task when the client leaves.  Elsewhere a second task has to wait for
    the client's leaving, and also takes in the body.
    """

    def __init__(self, app: Quart, scope: HTTPScope) -> None:
        super().__init__(app, {**scope, **_asked(app, scope)})
        self._upload: Upload | None = None

    def _create_request_from_scope(self, send: ASGISendCallable) -> Request:
        request = super()._create_request_from_scope(send)
        self._upload = upload_of(request)
        return request

    async def handle_messages(  # type: ignore[override]  # as Quart-Trio's
        self, nursery: trio.Nursery, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        """Take in the body only once a route wants the body, or the reply is sent."""
        await upload_of(request).wanted.wait()
        await super().handle_messages(nursery, request, receive)

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """A return in the middle of a body makes the server drop the connection there.

        So a body is cut on purpose.  An exception would cut the body, too, with a traceback in
        the log.
        """
        stream = cast("RequestStream | None", (self.scope.get("extensions") or {}).get(REQUEST))
        is_received = stream is not None and stream.is_whole
        exchange = ASGIExchange(receive, send, is_received=is_received)
        try:
            if stream is None:
                await super().__call__(exchange.receive, exchange.send)
            else:
                await self._answer(exchange)
        except* StreamCut:
            pass
        # Sent from here, outside of Quart's nursery: Quart cancels the nursery at the exchange's
        # end, and would cancel Hypercorn's watch of the idle connection, which would never close.
        await exchange.end()

    async def _answer(self, exchange: ASGIExchange) -> None:
        """Answer in this task.  What is left of the body by then is dropped beside the reply."""
        request = self._create_request_from_scope(exchange.send)
        upload = upload_of(request)
        upload.take = exchange.take
        if exchange.is_received:
            upload.set_complete()
        response = await self.app.handle_request(request)
        if exchange.is_received:
            await self._reply(exchange, response)
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(exchange.drain)
            await self._reply(exchange, response)
            nursery.cancel_scope.cancel()

    async def _reply(self, exchange: ASGIExchange, response: ResponseTypes) -> None:
        if isinstance(response, Response) and response.timeout is None:
            await self._send_response(exchange.send, response)
            return
        with trio.move_on_after(self.app.config["RESPONSE_TIMEOUT"]):
            await self._send_response(exchange.send, response)

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        """Send without a body for HEAD, or HEAD on a stream would take a whole generation."""
        if self._upload is not None:
            self._upload.drop()
        if self.scope["method"] == "HEAD" and isinstance(response, Response):
            response.response = response.data_body_class(b"")
        try:
            await super()._send_response(send, response)
        finally:
            body = response.response if isinstance(response, Response) else None
            if isinstance(body, StreamBody) and body.is_deserted:
                with trio.move_on_after(STOP_PATIENCE, shield=True):
                    await body.left()


class Handshake(TrioASGIWebsocketConnection):
    def __init__(self, app: QuartTrio, scope: WebsocketScope) -> None:
        super().__init__(app, {**scope, **_asked(app, scope)})

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Close on a client that sends more than may wait.

        Messages and the client's leaving come by the same channel, so behind a full channel
        nobody would see the client leave.
        """

        async def receive_bounded() -> ASGIReceiveEvent:
            event = await receive()
            waiting = self.send_channel.statistics()
            if event["type"] == "websocket.receive" and is_full(waiting):
                return {"type": "websocket.disconnect", "code": 1008}
            return event

        await super().__call__(receive_bounded, send)


def is_full(channel: trio.MemoryChannelStatistics) -> bool:
    return channel.current_buffer_used == channel.max_buffer_size


class ScopeFields(TypedDict):
    """The fields that replace a scope's own."""

    path: str
    query_string: bytes


def _asked(app: Quart, scope: HTTPScope | WebsocketScope) -> ScopeFields:
    path = path_of(scope["path"], cast("Hosted", app).settings.base_path)
    return {"path": path, "query_string": legible(scope["query_string"])}


def path_of(target: str, base: str) -> str:
    """The path without `base_path`, which some proxies take off and other proxies leave.

    `target` is a path, or a whole URL, which a proxy may send.
    """
    try:
        path = target if target.startswith("/") else urlsplit(target).path
    except ValueError:
        return NOWHERE
    if path == base or path.startswith(f"{base}/"):
        path = path.removeprefix(base) or "/"
    # `//metrics` must not be `/metrics`, as in Werkzeug: a proxy may keep clients from `/metrics`.
    return path if ONE_SLASH.match(path) else f"{NOWHERE}{path}"


def legible(query: bytes) -> bytes:
    """The query in UTF-8: HTTP/2 lets any bytes through, and Quart fails on other encodings."""
    return query.decode(errors="replace").encode()


class Hosted(QuartTrio):
    """An application, as far as the lifespan knows."""

    settings: Settings

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether the application has a runtime already."""
        ...

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[None]:
        """Open a runtime for the block.  Raises ConfigError, ModelError, StorageError."""
        ...


class Lifespan(TrioASGILifespan):
    """Opens the runtime of an application that has none, under servers other than our own."""

    app: Hosted

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await receive()
        if self.app.is_open:
            await self._serve(receive, send)
        elif reason := await self._open(receive, send):
            await send({"type": "lifespan.startup.failed", "message": reason})
            return
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> str | None:
        """Open the runtime and serve; returns why opening failed, None after an orderly end."""
        if not trio.lowlevel.in_trio_run():
            return NEEDS_TRIO
        configure_own_log(self.app.settings.log, sys.stderr)
        try:
            async with self.app.open():
                await self._serve(receive, send)
        except (ConfigError, ModelError, StorageError) as error:
            return str(error)
        return None

    async def _serve(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await send({"type": "lifespan.startup.complete"})
        await receive()
