"""The folder of our own Redis, which one server at a time has."""

import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

import trio

from legato.private_files import make_file, make_folder
from legato.workers import WorkersError

LEFT_OVER: Final = 10.0
"""Seconds for the server of a parent that was killed to end; it takes a few milliseconds."""

_LOOK: Final = 0.02  # seconds between two looks, because the system tells nobody


@asynccontextmanager
async def owned(folder: Path) -> AsyncIterator[int]:
    """Hold a lock on the folder, which is made; it is a descriptor.

    A server that inherits it holds it, too, and may outlive its parent.

    Raises:
        WorkersError: where the folder cannot be made, or is another's.
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
