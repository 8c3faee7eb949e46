"""Each living owner holds a lock, which no dead process can hold.

Nobody has to guess from a clock.  A process killed and started again a moment later finds at once
that its former owner is gone; a slow, or stopped, process is not taken for dead.
"""

import fcntl
from contextlib import suppress
from glob import escape
from pathlib import Path
from secrets import token_hex
from typing import IO, Protocol

from sqlalchemy import Connection

from legato.private_files import make_file


class OwnerLocks(Protocol):
    """The owners of a shared journal, as one owner knows them.  All methods block."""

    @property
    def me(self) -> str: ...

    def is_gone(self, owner: str, connection: Connection) -> bool:
        """Whether this owner is gone; a gone owner stays gone until this transaction's end."""
        ...

    def close(self) -> None:
        """Give up the lock, and be gone for everybody."""
        ...


class FileOwnerLocks:
    """OwnerLocks as empty files beside an SQLite database, locked by the owners' processes."""

    def __init__(self, database: Path) -> None:
        """Be an owner, until `close` or the end of the process.

        Raises:
            OSError: where the owner's file cannot be made, or not be locked.
        """
        self.me = token_hex(16)
        self._beside = f"{database}-owner-"
        unseen = Path(f"{database}-new-owner-{self.me}")
        make_file(unseen)
        self._mine = unseen.open("wb")
        fcntl.flock(self._mine, fcntl.LOCK_EX)
        unseen.rename(self._path(self.me))  # nobody may find the file unlocked

    def is_gone(self, owner: str, connection: Connection) -> bool:
        return self._is_gone(owner)

    def _is_gone(self, owner: str) -> bool:
        if owner == self.me:
            return False
        with suppress(FileNotFoundError), self._path(owner).open("rb") as file:
            return _locks(file)
        return True

    def sweep(self) -> None:
        """Remove the files of gone owners."""
        beside = Path(self._beside)
        for path in beside.parent.glob(f"{escape(beside.name)}*"):
            if self._is_gone(path.name.removeprefix(beside.name)):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        self._path(self.me).unlink(missing_ok=True)
        self._mine.close()

    def _path(self, owner: str) -> Path:
        return Path(self._beside + owner)


def _locks(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
