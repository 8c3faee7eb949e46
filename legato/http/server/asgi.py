"""Where the application meets its ASGI server: bodies that are cut, and the lifespan."""

import re
import sys
from typing import Final, TypedDict, cast
from urllib.parse import urlsplit

import trio
from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
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
from legato.http.runtime import Runtime, open_runtime
from legato.http.streams.streaming import STOP_PATIENCE, StreamBody, StreamCut
from legato.logs import configure_own_log
from legato.models.contract import ModelError
from legato.storage.contracts.errors import StorageError

UPLOAD_PATIENCE: Final = 5.0
"""Seconds that a client may go on sending a request that was answered before its end (413).

Closing under it makes its system throw the answer away, unread.
"""


ONE_SLASH: Final = re.compile(r"/(?!/)")
"""How a path begins."""

NOWHERE: Final = "/."
"""No route's beginning."""

NEEDS_TRIO: Final = "Legato runs on Trio only, for example: hypercorn --worker-class trio"


class Exchange:
    """A request and its response.  The response's end waits for the request's, and is sent last."""

    def __init__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._receive = receive
        self._send = send
        self._received = trio.Event()
        self._end: ASGISendEvent | None = None

    async def receive(self) -> ASGIReceiveEvent:
        message = await self._receive()
        if not message.get("more_body", False):  # its last part, or the client left
            self._received.set()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] != "http.response.body" or message["more_body"]:
            await self._send(message)
            return
        with trio.move_on_after(UPLOAD_PATIENCE):
            await self._received.wait()
        self._end = message

    async def end(self) -> None:
        """Send the response's end, if it came to one."""
        if self._end is not None:
            await self._send(self._end)


class Connection(TrioASGIHTTPConnection):
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
        """Take in what the client sends only once somebody wants it, or the reply is said."""
        await upload_of(request).wanted.wait()
        await super().handle_messages(nursery, request, receive)

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Returning in the middle of a body makes the server drop the connection there.

        That is how a body is cut on purpose; raising would do it too, with a traceback in the log.
        """
        exchange = Exchange(receive, send)
        try:
            await super().__call__(exchange.receive, exchange.send)
        except* StreamCut:
            pass
        # Not from within: Quart cancels its nursery as the exchange ends, and with it the task in
        # which Hypercorn has just begun to watch the idle connection.  It would never be closed.
        await exchange.end()

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        """Nobody gets the body of an answer to HEAD; a stream's would take a whole generation."""
        if self._upload is not None:
            self._upload.drop()
        if self.scope["method"] == "HEAD" and isinstance(response, Response):
            response.response = response.data_body_class(b"")
        try:
            await super()._send_response(send, response)
        finally:
            if isinstance(response, Response) and isinstance(response.response, StreamBody):
                with trio.move_on_after(STOP_PATIENCE, shield=True):
                    await response.response.left()


class Handshake(TrioASGIWebsocketConnection):
    def __init__(self, app: QuartTrio, scope: WebsocketScope) -> None:
        super().__init__(app, {**scope, **_asked(app, scope)})

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Who sends more than may wait is as good as gone: behind it, nobody would see it leave."""

        async def receive_bounded() -> ASGIReceiveEvent:
            event = await receive()
            waiting = self.send_channel.statistics()
            if event["type"] == "websocket.receive" and is_full(waiting):
                return {"type": "websocket.disconnect", "code": 1008}
            return event

        await super().__call__(receive_bounded, send)


def is_full(channel: trio.MemoryChannelStatistics) -> bool:
    return channel.current_buffer_used == channel.max_buffer_size


class Asked(TypedDict):
    """What replaces a scope's own."""

    path: str
    query_string: bytes


def _asked(app: Quart, scope: HTTPScope | WebsocketScope) -> Asked:
    path = path_of(scope["path"], cast("Hosted", app).settings.base_path)
    return {"path": path, "query_string": legible(scope["query_string"])}


def path_of(target: str, base: str) -> str:
    """The path as routes have it: some proxies take the `base_path` off, others leave it there.

    `target` is a path, or a whole URL, as a proxy may ask for.
    """
    try:
        path = target if target.startswith("/") else urlsplit(target).path
    except ValueError:
        return NOWHERE
    if path == base or path.startswith(f"{base}/"):
        path = path.removeprefix(base) or "/"
    # `//metrics` is not `/metrics`, as Werkzeug has it: a proxy may keep that from its clients.
    return path if ONE_SLASH.match(path) else f"{NOWHERE}{path}"


def legible(query: bytes) -> bytes:
    """HTTP/2 lets any bytes come as a query; Quart fails on those that are not UTF-8."""
    return query.decode(errors="replace").encode()


class Hosted(QuartTrio):
    """What the lifespan knows of an application."""

    settings: Settings
    runtime: Runtime | None


class Lifespan(TrioASGILifespan):
    """Opens the runtime for an application that was made without one, as foreign servers do."""

    app: Hosted

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await receive()
        if self.app.runtime is not None:
            await self._serve(receive, send)
        elif reason := await self._open(receive, send):
            await send({"type": "lifespan.startup.failed", "message": reason})
            return
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> str | None:
        """Why it could not be opened; None when it was, and is closed again."""
        if not trio.lowlevel.in_trio_run():
            return NEEDS_TRIO
        configure_own_log(self.app.settings.log, sys.stderr)
        try:
            async with open_runtime(self.app.settings) as self.app.runtime:
                await self._serve(receive, send)
        except (ConfigError, ModelError, StorageError) as error:
            return str(error)
        return None

    async def _serve(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await send({"type": "lifespan.startup.complete"})
        await receive()
