"""The file of an SQLite database, which must stay the file that was opened.

A server with a deleted file would lose everything.
"""

import os
from pathlib import Path

from legato.storage.contracts.errors import Unavailable


class DatabaseFile:
    """Remembers the file at `path` as opened, by device and inode."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: tuple[int, int] | None = None  # device and inode

    def note(self) -> None:
        """Remember the file at `path` as the opened file."""
        self._opened = self._found()

    def require(self) -> None:
        """Raises Unavailable where the file was deleted or replaced."""
        if self._opened is not None and self._found() != self._opened:
            how = "replaced" if self.path.exists() else "deleted"
            raise Unavailable(
                f"The database's file was {how} while Legato runs: {self.path.absolute()}."
                "  Put it back, or start Legato again."
            )

    def _found(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino
