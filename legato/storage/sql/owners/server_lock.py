"""One server at a time on an SQLite file, where no Redis connects servers.

Two servers would each answer 404 for the other's generations.  A server that was told to end keeps
its lock until the end, and the next server waits: every generation is found, and none runs twice.
"""

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

import structlog
import trio

from legato.storage.contracts.errors import StorageError

_LOOK: Final = 0.05  # seconds between two looks, because the system tells nobody

log = structlog.get_logger()


@asynccontextmanager
async def alone(database: Path, patience: float) -> AsyncIterator[None]:
    """Be the one server on this file until the block ends, or the process does.

    Another server has `patience` seconds to end.

    Raises:
        StorageError: where the other server does not end in time.
        OSError: where the lock's file cannot be made.
    """
    with await trio.to_thread.run_sync(_opened, Path(f"{database}-server")) as file:
        if not _locks(file):
            log.warning("waiting for another server to end", database=str(database), **_who(file))
            await _lock_within(file, database, patience)
        _sign(file)
        yield


async def _lock_within(file: IO[str], database: Path, patience: float) -> None:
    with trio.move_on_after(patience):
        while not _locks(file):  # noqa: ASYNC110
            await trio.sleep(_LOOK)
        return
    raise StorageError(
        f"another server uses {database} (process {_who(file)['pid']}) and did not end within"
        f" {patience:g} s; servers share a database where they have a LEGATO_REDIS_URL"
    )


def _opened(path: Path) -> IO[str]:
    return path.open("a+")


def _locks(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _who(file: IO[str]) -> dict[str, str]:
    file.seek(0)
    return {"pid": file.read(20).strip() or "unknown"}


def _sign(file: IO[str]) -> None:
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
