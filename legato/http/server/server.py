"""Serves the application: Hypercorn's own parts, composed for a shutdown in time."""

import gc
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import structlog
import trio
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from msgspec.structs import replace

from legato.config import ConfigError, Settings
from legato.http.app import create_app
from legato.http.application import Legato
from legato.http.input.bounds import MAX_HEADER_BYTES, MAX_TARGET_BYTES
from legato.http.open import open_runtime
from legato.http.server.connections import Connections
from legato.http.server.late_imports import import_meanwhile
from legato.http.server.signals import Shutdown, shutdown_by_signals
from legato.http.server.transport.accepting import Acceptor
from legato.http.server.transport.descriptors import raise_limit
from legato.logs import configure_logs

GRACE: Final = 3.0
"""Seconds that requests have to end at shutdown; streams are cut at once, to go on elsewhere."""

LAST_STEP: Final = 0.5
"""Seconds at shutdown until sockets are closed: first under clients that do not read, and after the
grace under all clients that are left."""

LAST_CALL: Final = 4.0
"""Seconds after `drain_timeout` in which running jobs may still be stored.  Then a storage that
hangs is given up.  The rest of END is enough to close connections and to send the last spans."""

END: Final = 6.0
"""Seconds after `drain_timeout` in which the process has ended, whatever hangs."""

HURRY: Final = 0.5
"""Seconds for running jobs to be stored, after a second signal."""

_GC_THRESHOLDS: Final = (10_000, 10, 10)
"""More living objects than these between two collections; Python's own are 700, 10, 10.  With 400
generations, a full collection holds the loop up for 180 ms, and Python's come every few seconds.
What forms no cycle is freed without any collection."""

TURN: Final = 0.001
"""Seconds that a worker thread may compute before the loop has the interpreter again.  Python's
default of 5 ms would hold the loop up for 5 ms each time."""

IDLE: Final = 75.0
"""Seconds without a request, or with an incomplete head.  Proxies reuse connections for 60 s: if
the server closed first, a request could be on its way."""

OWN_HOST: Final = "127.0.0.1"

OnReady = Callable[[Legato, str], None]
"""Called with the application and the URL once connections are accepted."""

log = structlog.get_logger()


async def serve_until(
    stop: Callable[[], Awaitable[object]],
    app: Legato,
    listeners: list[trio.SocketListener],
    *,
    hurry: Callable[[], Awaitable[object]] = trio.sleep_forever,
    grace: float = GRACE,
    idle: float = IDLE,
    direct: bool = True,
) -> None:
    """Serve until `stop` returns and running generations have ended, within `drain_timeout`.

    From there the server ends in `grace` + LAST_STEP seconds, whatever clients do.  Once `hurry`
    returns, or when the caller is cancelled, the server ends at once.
    """
    config = _configuration(idle, app.settings.limits.max_body_bytes)
    context = WorkerContext(None)
    connections = Connections(app, config, context, direct=direct)
    async with trio.open_nursery() as last_step:
        stopping = trio.Event()
        overdue = partial(_overdue, stopping, hurry, grace + LAST_STEP)
        last_step.start_soon(connections.close_when, overdue)
        last_step.start_soon(app.loop_delay.run)
        async with trio.open_nursery() as serving:
            try:
                drained = partial(_drained, stop, hurry, app)
                await _accept_until(drained, connections, listeners, serving)
            except BaseException:
                last_step.cancel_scope.cancel()  # or clients that never read would hold up the end
                raise
            log.info("shutting down", connections=len(connections))
            await context.terminated.set()  # no connection waits for a further request
            connections.end_waits()
            app.streams.cut()
            connections.hasten(LAST_STEP)
            serving.cancel_scope.deadline = trio.current_time() + grace
            stopping.set()
        last_step.cancel_scope.cancel()


def _configuration(idle: float, max_message: int) -> Config:
    config = Config()
    config.keep_alive_timeout = idle
    config.websocket_max_message_size = max_message
    config.h11_max_incomplete_size = MAX_HEADER_BYTES + MAX_TARGET_BYTES
    config.include_server_header = False  # nobody needs to know what to attack
    config.errorlog = logging.getLogger("hypercorn.error")
    return config


async def _accept_until(
    stop: Callable[[], Awaitable[object]],
    connections: Connections,
    listeners: list[trio.SocketListener],
    serving: trio.Nursery,
) -> None:
    acceptor = Acceptor(connections.serve, connections.limit, serving)
    async with trio.open_nursery() as accepting:
        for listener in listeners:
            accepting.start_soon(acceptor.accept_from, listener)
        await stop()
        accepting.cancel_scope.cancel()


async def _drained(
    stop: Callable[[], Awaitable[object]], hurry: Callable[[], Awaitable[object]], app: Legato
) -> None:
    """Wait for `stop`, refuse starts, and wait for running generations, within `drain_timeout`.

    All other requests go on meanwhile, so readers of a generation see the ending.
    """
    await stop()
    if app.runtime is None or not (running := app.runtime.supervisor.drain.refuse_starts()):
        return
    log.info("draining", generations=running)
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + app.settings.limits.drain_timeout
        nursery.start_soon(_cancel_when, hurry, nursery.cancel_scope)
        await app.runtime.supervisor.drain.ended()
        nursery.cancel_scope.cancel()


async def _cancel_when(happens: Callable[[], Awaitable[object]], scope: trio.CancelScope) -> None:
    await happens()
    scope.cancel()


async def _overdue(
    stopping: trio.Event, hurry: Callable[[], Awaitable[object]], seconds: float
) -> None:
    await stopping.wait()
    with trio.move_on_after(seconds):
        await hurry()


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[list[trio.SocketListener]]:
    """The listeners of the configured port.  Raises OSError where listening is not possible."""
    async with AsyncExitStack() as stack:
        listeners = await trio.open_tcp_listeners(settings.port, host=settings.host)
        for listener in listeners:
            await stack.enter_async_context(listener)
        yield listeners


async def run(settings: Settings, on_ready: OnReady) -> None:
    """Serve with these settings until SIGTERM or SIGINT."""
    with shutdown_by_signals() as shutdown:
        # The port comes first: a process without the port must not touch the database either.
        async with listening(settings) as listeners:
            await run_on(listeners, settings, on_ready, shutdown)
    log.info("stopped")


async def run_on(
    listeners: list[trio.SocketListener], settings: Settings, on_ready: OnReady, shutdown: Shutdown
) -> None:
    """Serve on these sockets until `shutdown` is asked for."""
    raise_limit()
    app = create_app(settings)
    _freeze_gc()
    async with trio.open_nursery() as nursery:
        starting = trio.CancelScope()
        nursery.start_soon(_end_in_time, shutdown, app, starting)
        with starting:
            async with _own_listeners(settings) as own, open_runtime(app.settings) as app.runtime:
                url = url_of(listeners[0])
                log.info("serving", url=url)
                on_ready(app, url)
                nursery.start_soon(import_meanwhile)
                nursery.start_soon(app.look_at_provider)
                everywhere = [*listeners, *own]
                await serve_until(shutdown.asked.wait, app, everywhere, hurry=shutdown.hurried.wait)
        nursery.cancel_scope.cancel()


async def _end_in_time(shutdown: Shutdown, app: Legato, starting: trio.CancelScope) -> None:
    """After a request to end, wait for the storage no longer than the settings allow."""
    await shutdown.asked.wait()
    if app.runtime is None:
        starting.cancel()
        return
    with trio.move_on_after(app.settings.limits.drain_timeout + LAST_CALL):
        await shutdown.hurried.wait()
        await trio.sleep(HURRY)
    app.runtime.supervisor.hurried.set()


@asynccontextmanager
async def _own_listeners(settings: Settings) -> AsyncIterator[list[trio.SocketListener]]:
    """A listener of this process alone, for metrics, where several processes share a port."""
    if settings.metrics_port is None:
        yield []
        return
    own = replace(settings, host=OWN_HOST, port=settings.metrics_port)
    async with AsyncExitStack() as stack:
        try:
            listeners = await stack.enter_async_context(listening(own))
        except OSError as error:
            place = f"{OWN_HOST}, port {own.port}"
            raise ConfigError(f"metrics_port: cannot listen on {place}: {error}") from None
        log.info("metrics", url=f"{url_of(listeners[0])}/metrics")
        yield listeners


def _freeze_gc() -> None:
    """Exempt modules and the application from garbage collection, because these objects stay.

    A full collection took 120 ms of the loop before, and takes 5 ms with 100 jobs running now.
    To be called before the runtime opens: the runtime recovers jobs, and frozen objects are never
    collected.  Nothing is collected first: of 190,000 objects, 2,600 (half a megabyte) are
    garbage, and a collection would take 50 ms of every start.
    """
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    sys.setswitchinterval(TURN)


def url_of(listener: trio.SocketListener) -> str:
    host, port = listener.socket.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` gets the URL.

    Raises:
        ConfigError, StorageError, ModelError, OSError: if the server cannot start.
    """
    configure_logs(settings.log, sys.stderr)
    trio.run(run, settings, lambda _, url: on_ready(url))
