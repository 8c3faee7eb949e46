"""Files and folders that are their owner's alone: texts of people, and secrets, are in them."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

DATA_FOLDER: Final = Path(".legato")
"""Where all is kept of which nobody says otherwise."""

_FOLDER: Final = 0o700
_FILE: Final = 0o600
_OTHERS: Final = 0o077  # what group and world may do


def make_folder(path: Path, *, is_ours: bool = False) -> None:
    """Make it, and what is missing above it, for its owner alone.

    One that is there already belongs to whoever made it, and stays as it is; one of our own
    (`is_ours`) may be an earlier version's, which let others in.

    Raises:
        OSError
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError):  # of two processes that start together one is first
            each.mkdir(mode=_FOLDER)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    if is_ours:
        restrict(path)


def make_file(path: Path) -> None:
    """Make it where it is missing, for its owner alone; what is there is restricted to that.

    Raises:
        OSError
    """
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT, _FILE))
    restrict(path)


def restrict(path: Path) -> None:
    """Let its owner alone do what they may do; what is missing, or another user's, stays so."""
    with suppress(FileNotFoundError, PermissionError):
        mode = path.stat().st_mode
        if mode & _OTHERS:
            path.chmod(mode & 0o7777 & ~_OTHERS)
