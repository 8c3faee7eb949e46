"""`legato serve --workers N`: opens shared sockets and storage, and watches the workers."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog
import trio
from msgspec.structs import replace

from legato.config import ConfigError, Limits, Settings
from legato.http.open import announce
from legato.http.server.server import END, listening, url_of
from legato.http.server.signals import shutdown_by_signals
from legato.logs import configure_logs
from legato.private_files import DATA_FOLDER
from legato.storage.address import parse_address
from legato.storage.open import open_storage
from legato.workers.embedded import embedded_redis
from legato.workers.processes import Workers
from legato.workers.protocol import Task

INTERPRETER_END: Final = 2.0
"""Seconds for a process to exit after the last work: on a busy machine an exit takes a moment."""

log = structlog.get_logger()

_ALLOWED: Final = "allowed: workers = 1, or a database in a file or on a server"


def serve_with_workers(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` gets the URL once all workers serve.

    Raises:
        ConfigError, StorageError, WorkersError, OSError: if the server cannot be started.
    """
    configure_logs(settings.log, sys.stderr)
    trio.run(_run, settings, on_ready)


async def _run(settings: Settings, on_ready: Callable[[str], None]) -> None:
    folder = _shared_folder(settings)
    with shutdown_by_signals() as shutdown:
        # As for a single process, the port comes first.  The port and its queue stay open while a
        # worker is started again: clients wait for a moment and are not refused.
        async with listening(settings) as listeners:
            async with open_storage(settings.database_url) as storage:
                announce(storage)  # faults are logged, and tables made, by a single process
            async with _shared(settings, folder) as settings:
                sockets = [listener.socket.fileno() for listener in listeners]
                workers = Workers(
                    Task(settings, sockets), shutdown, patience=_patience(settings.limits)
                )
                url = url_of(listeners[0])
                log.info("starting", url=url, workers=settings.workers)
                await workers.run(settings.workers, lambda: on_ready(url))
    log.info("stopped")


def _shared_folder(settings: Settings) -> Path:
    """The folder for the data of our own Redis: beside the database."""
    url = parse_address(settings.database_url)
    if url is None:
        raise ConfigError(
            f"workers: found {settings.workers} with a LEGATO_DATABASE_URL in memory, which "
            f"processes cannot share; {_ALLOWED}"
        )
    if url.get_backend_name() == "sqlite" and url.database is not None:
        return Path(url.database).parent / "valkey"
    return DATA_FOLDER / "valkey"


@asynccontextmanager
async def _shared(settings: Settings, folder: Path) -> AsyncIterator[Settings]:
    """The settings with a Redis: the configured Redis, else our own until the block ends."""
    if settings.redis_url is not None:
        yield settings
    else:
        async with embedded_redis(folder, settings.redis_prefix) as url:
            yield replace(settings, redis_url=url)


def _patience(limits: Limits) -> float:
    """Seconds within which a worker has ended, whatever clients and storage do."""
    return limits.drain_timeout + END + INTERPRETER_END
