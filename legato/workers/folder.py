"""The folder of our own Redis, used by a single server at a time."""

import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

import trio

from legato.private_files import make_file, make_folder
from legato.workers import WorkersError

LEFT_OVER: Final = 10.0
"""Seconds for the server of a killed parent to end, which takes a few milliseconds."""

_LOOK: Final = 0.02  # seconds between two looks, because the system tells nobody


@asynccontextmanager
async def owned(folder: Path) -> AsyncIterator[int]:
    """Make the folder and hold a lock on it; yields the lock's descriptor.

    A server that inherits the descriptor holds the lock, too, and may outlive the parent.

    Raises:
        WorkersError: if the folder cannot be made, or a different server holds the lock.
    """
    with await trio.to_thread.run_sync(_opened, folder) as lock:
        with trio.move_on_after(LEFT_OVER) as waiting:
            while not _locks(lock):  # noqa: ASYNC110
                await trio.sleep(_LOOK)
        if waiting.cancelled_caught:
            raise WorkersError(f"{folder}: another Legato with workers has its data there")
        yield lock.fileno()


def _opened(folder: Path) -> IO[bytes]:
    try:
        make_folder(folder, is_ours=True)
        make_file(folder / "lock")
        return (folder / "lock").open("wb")
    except OSError as error:
        raise WorkersError(f"{folder}: cannot be used: {error.strerror}") from None


def _locks(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
