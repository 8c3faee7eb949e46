"""Serves the application: Hypercorn's own parts, composed so that shutdown ends in time."""

import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from legato.config import Settings
from legato.http.app import Legato, create_app
from legato.http.runtime import open_runtime

GRACE: Final = 5.0
"""Seconds that requests have to end at shutdown; streams are cut at once, to go on elsewhere."""

LAST_STEP: Final = 1.0
"""Seconds after that until sockets are closed under whoever still holds one."""

Ready = Callable[[Legato, str], None]
"""Called with the application and its URL once connections are accepted."""


class Connections:
    """The open connections of a server, so that no client can keep one open against its will."""

    def __init__(self, app: Legato, config: Config, context: WorkerContext) -> None:
        self._settings = (ASGIWrapper(app), config, context, ConnectionState({}))
        self._streams: set[trio.SocketStream] = set()

    async def serve(self, stream: trio.SocketStream) -> None:
        self._streams.add(stream)
        try:
            await TCPServer(*self._settings, cast("trio.SSLStream[trio.SocketStream]", stream))
        finally:
            self._streams.discard(stream)

    async def close_after(self, seconds: float) -> None:
        """Close every socket that is still open then.

        Hypercorn shields its writes from cancellation, and a write to a client that never reads
        does not end by itself: closing the socket under it is the only way to end it.
        """
        await trio.sleep(seconds)
        for stream in self._streams:
            stream.socket.close()


async def serve_until(
    stop: Callable[[], Awaitable[object]],
    app: Legato,
    listeners: list[trio.SocketListener],
    *,
    grace: float = GRACE,
) -> None:
    """Serve until `stop` returns, then end in `grace` + LAST_STEP seconds, whatever clients do."""
    config = Config()
    config.loglevel = "WARNING"
    context = WorkerContext(None)
    connections = Connections(app, config, context)
    async with trio.open_nursery() as last_step:
        async with trio.open_nursery() as handlers:
            accept = partial(trio.serve_listeners, handler_nursery=handlers)
            async with trio.open_nursery() as accepting:
                accepting.start_soon(accept, connections.serve, listeners)
                await stop()
                accepting.cancel_scope.cancel()
            await context.terminated.set()  # connections between two requests close now
            app.streams.cut()
            handlers.cancel_scope.deadline = trio.current_time() + grace
            last_step.start_soon(connections.close_after, grace + LAST_STEP)
        last_step.cancel_scope.cancel()


async def run(settings: Settings, on_ready: Ready) -> None:
    """Serve by these settings until SIGTERM or SIGINT."""
    async with open_runtime(settings) as runtime:
        app = create_app(settings, runtime)
        listeners = await trio.open_tcp_listeners(settings.port, host=settings.host)
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            on_ready(app, url_of(listeners[0]))
            await serve_until(partial(anext, signals), app, listeners)


def url_of(listener: trio.SocketListener) -> str:
    host, port = listener.socket.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` gets the URL.

    Raises:
        ConfigError, StorageError, ModelError, OSError: if it cannot be started so.
    """
    trio.run(run, settings, lambda _, url: on_ready(url))
