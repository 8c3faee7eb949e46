"""Files and folders for their owner alone: texts of people, and secrets, are in them."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

DATA_FOLDER: Final = Path(".legato")
"""The folder of all data, unless settings name other places."""

_FOLDER: Final = 0o700
_FILE: Final = 0o600
_OTHERS: Final = 0o077  # the permissions of group and world


def make_folder(path: Path, *, is_ours: bool = False) -> None:
    """Make a folder, and missing folders above, for the owner alone.

    An existing folder belongs to its maker, and stays unchanged; an existing folder of Legato's own
    (`is_ours`) is restricted, because an earlier version may have let others in.

    Raises:
        OSError
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError):  # a second process may be making the folder now
            each.mkdir(mode=_FOLDER)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    if is_ours:
        restrict(path)


def make_file(path: Path) -> None:
    """Make a missing file, for the owner alone; an existing file is restricted.

    Raises:
        OSError
    """
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT, _FILE))
    restrict(path)


def restrict(path: Path) -> None:
    """Take all permissions from group and world.

    A missing file, or another user's, stays unchanged.
    """
    with suppress(FileNotFoundError, PermissionError):
        mode = path.stat().st_mode
        if mode & _OTHERS:
            path.chmod(mode & 0o7777 & ~_OTHERS)
