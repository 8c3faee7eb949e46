"""The contract for the log of notices that replicas share."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

START: Final = "0-0"
"""The cursor before the first entry of all."""

MOST: Final = 8192
"""Notices of a log, and of a board (about 4 MiB): ten minutes of five generations a second."""


class NoticeEntry(NamedTuple):
    """An entry; `before` is the cursor of the entry before, which may be gone by now.

    A reader of all entries therefore sees by `before` whether anything is missing.
    """

    cursor: str
    before: str
    data: bytes


class NoticeLog(Protocol):
    """The notices of all replicas in one order.  The log may lose the oldest entries, or all.

    Every method raises StorageError where the shared storage fails.
    """

    async def append(self, number: int, batch: Sequence[bytes], *, breaks: bool = False) -> None:
        """Add entries: the batch of this replica with that number, from 1.

        A batch whose outcome was unknown may be appended again, and is added once.  With `breaks`
        all entries before are dropped first, and an entry without data stands in their place, so
        every reader learns that something is missing.
        """
        ...

    async def read(self, after: str) -> Sequence[NoticeEntry] | None:
        """Wait for entries after that cursor, and return a bounded number of them, oldest first.

        None where the log ends before `after`: what was read there is lost.
        """
        ...

    async def last(self) -> str:
        """The cursor of the newest entry; START where there is none."""
        ...
