"""Notices among replicas: a task writes this replica's, and a task reads all replicas'.

Rules:

1. A notice is on a board only as read from the shared log, so all boards have one order.
2. A notice is written after the journal has what the notice is about: whoever reads the lists
   then, finds it.
3. Where entries of the log are missing, the board begins again, and every reader is told so.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final, TypeVar

import structlog
import trio
from msgspec import MsgspecError, json

from legato.actors.notices.board import Board
from legato.actors.notices.notice import Notice
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.notices import MOST, START, NoticeEntry, NoticeLog

T = TypeVar("T")

_RETRY: Final = 0.5  # seconds until the shared log is tried once more

_BATCH: Final = 256  # notices of one write

_encode: Final = json.Encoder().encode
_notices: Final = json.Decoder(Notice)

log = structlog.get_logger()


class SharedNotices:
    """The rules are at the top of this file."""

    def __init__(self, notice_log: NoticeLog, settled: Callable[[], Awaitable[None]]) -> None:
        """`settled` returns when the journal has all that is urgent by now."""
        self.board = Board(START)
        self._log = notice_log
        self._settled = settled
        self._due = deque[bytes]()
        self._written = 0  # batches
        self._is_doubtful = False
        self._stirred = trio.Event()
        self._emptied = trio.Event()
        self._emptied.set()

    def post(self, notice: Notice) -> None:
        if len(self._due) >= MOST:  # an outage of hours
            self._due.clear()
            self._is_doubtful = True
        self._due.append(_encode(notice))
        self._stir()

    def doubt(self) -> None:
        """Have every reader at every replica told that notices may be missing."""
        self._is_doubtful = True
        self._stir()

    def _stir(self) -> None:
        self._stirred.set()
        if self._emptied.is_set():
            self._emptied = trio.Event()

    async def written(self) -> None:
        """Return when the shared log has all notices posted by now."""
        await self._emptied.wait()

    async def open(self) -> None:
        """Begin with what comes from now on.  Raises StorageError."""
        self.board.restart(await self._log.last())

    async def write(self) -> None:
        """Write, for ever."""
        while True:
            await self._stirred.wait()
            self._stirred = trio.Event()
            while self._due or self._is_doubtful:
                await self._write_batch()
            self._emptied.set()

    async def _write_batch(self) -> None:
        """Write what is due now, in as many tries as needed; a notice stays due until then."""
        batch, breaks = [*islice(self._due, _BATCH)], self._is_doubtful
        self._is_doubtful = False
        await self._settled()
        await _repeated(lambda: self._log.append(self._written + 1, batch, breaks=breaks))
        self._written += 1
        while batch and self._due and self._due[0] is batch[0]:  # nothing was dropped meanwhile
            batch.pop(0)
            self._due.popleft()

    async def read(self) -> None:
        """Read, for ever."""
        while True:
            entries = await _repeated(lambda: self._log.read(self.board.cursor))
            if entries is None:
                self.board.restart(await _repeated(self._log.last))
            for entry in entries or ():
                self._take(entry)

    def _take(self, entry: NoticeEntry) -> None:
        if entry.before != self.board.cursor:
            self.board.restart(entry.before)
        if not entry.data:  # a replica knows that something is missing
            self.board.restart(entry.cursor)
            return
        try:
            self.board.add(entry.cursor, _notices.decode(entry.data))
        except MsgspecError as error:
            log.error("a notice that cannot be read", reason=str(error))
            self.board.restart(entry.cursor)


async def _repeated(step: Callable[[], Awaitable[T]]) -> T:
    """The result of `step`, in as many tries as needed."""
    is_first = True
    while True:
        try:
            return await step()
        except StorageError as error:
            if is_first:  # a single line is enough for an outage
                log.warning("notices wait for the shared storage", reason=str(error))
            is_first = False
            await trio.sleep(_RETRY)
