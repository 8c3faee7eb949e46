"""Serves the application: Hypercorn's own parts, composed so that shutdown ends in time."""

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
from legato.http.runtime import open_runtime
from legato.http.server.connections import Connections
from legato.http.server.signals import Shutdown, shutdown_by_signals
from legato.http.server.transport.accepting import Acceptor
from legato.http.server.transport.descriptors import raise_limit
from legato.logs import configure_logs

GRACE: Final = 3.0
"""Seconds that requests have to end at shutdown; streams are cut at once, to go on elsewhere."""

LAST_STEP: Final = 0.5
"""Seconds at shutdown until sockets are closed: under clients that do not read at once, under
whoever still holds one after the grace."""

LAST_CALL: Final = 4.0
"""Seconds after `drain_timeout` in which what runs may still be stored.  A storage that hangs is
left then; to close the connections to it, and to send the last spans, takes less than the rest."""

END: Final = 6.0
"""Seconds after `drain_timeout` in which the process has ended, whatever hangs."""

HURRY: Final = 0.5
"""Seconds for what runs to be stored, where somebody asks for the end a second time."""

TURN: Final = 0.001
"""Seconds that a worker thread may compute before the loop has the interpreter again.  Of Python's
own 5 ms each would be one that everybody is held up."""

IDLE: Final = 75.0
"""Seconds without a request, or with a part of its head.  Proxies reuse connections for 60 s: if
we closed first, a request could be on its way."""

OWN_HOST: Final = "127.0.0.1"

Ready = Callable[[Legato, str], None]
"""Called with the application and its URL once connections are accepted."""

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
    """Serve until `stop` returns, and generations that run then have ended, or had `drain_timeout`.

    From there it ends in `grace` + LAST_STEP seconds, whatever clients do.  Once `hurry` returns,
    or when this is cancelled, it ends at once.
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
                last_step.cancel_scope.cancel()  # or clients that never read would hold this up
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
    """Until then everything but starts goes on: who follows a generation sees how it ends."""
    await stop()
    if app.runtime is None or not (running := app.runtime.supervisor.refuse_starts()):
        return
    log.info("draining", generations=running)
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + app.settings.limits.drain_timeout
        nursery.start_soon(_cancel_when, hurry, nursery.cancel_scope)
        await app.runtime.supervisor.ended()
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
    """Raises OSError where that is not possible."""
    async with AsyncExitStack() as stack:
        listeners = await trio.open_tcp_listeners(settings.port, host=settings.host)
        for listener in listeners:
            await stack.enter_async_context(listener)
        yield listeners


async def run(settings: Settings, on_ready: Ready) -> None:
    """Serve by these settings until SIGTERM or SIGINT."""
    with shutdown_by_signals() as shutdown:
        # The port comes first: whoever cannot have it must not touch the database either.
        async with listening(settings) as listeners:
            await run_on(listeners, settings, on_ready, shutdown)
    log.info("stopped")


async def run_on(
    listeners: list[trio.SocketListener], settings: Settings, on_ready: Ready, shutdown: Shutdown
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
                everywhere = [*listeners, *own]
                await serve_until(shutdown.asked.wait, app, everywhere, hurry=shutdown.hurried.wait)
        nursery.cancel_scope.cancel()


async def _end_in_time(shutdown: Shutdown, app: Legato, starting: trio.CancelScope) -> None:
    """Once the end is asked for: wait for no storage longer than that allows."""
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
    """Of this process alone, where others share its port: to measure one, one must be asked."""
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
    """Modules and the application stay, so no collection of garbage has to look through them again.

    A full one did, which held everybody up for 120 ms; now it is 5 ms with 100 jobs running.
    Before the runtime opens, which recovers jobs: what is frozen is never collected.  Nothing is
    collected first: of the 190,000 objects that are there, 2,600 (half a megabyte) are garbage,
    and to find them takes 50 ms of every start.
    """
    gc.freeze()
    sys.setswitchinterval(TURN)


def url_of(listener: trio.SocketListener) -> str:
    host, port = listener.socket.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` gets the URL.

    Raises:
        ConfigError, StorageError, ModelError, OSError: if it cannot be started so.
    """
    configure_logs(settings.log, sys.stderr)
    trio.run(run, settings, lambda _, url: on_ready(url))
