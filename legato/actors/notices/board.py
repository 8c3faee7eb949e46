"""The newest notices of all users in order, and the readers, each for a single user.

Rules:

1. A single task at a time writes on a board, and no method waits: nobody sees half a change.
2. `follow` brings the missed notices and lets the reader join, in a single step.
3. A cursor names a notice of the board.  An unknown cursor is never guessed about: the reader is
   told of a possible loss.
4. A reader too slow for the notices is cut, and comes back with a cursor.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from itertools import takewhile
from typing import Final, NamedTuple

import trio

from legato.actors.notices.notice import Notice
from legato.storage.contracts.notices import MOST, START

MOST_WAITING: Final = 256
"""Notices that wait for one reader; to read the lists again is cheaper than a longer backlog."""


class Posted(NamedTuple):
    """A notice at its place; None stands for the place before the first notice."""

    cursor: str
    notice: Notice | None


class NoticeReader:
    """One reader's notices after `cursor`.

    `is_reset`: the reader's own cursor is not on the board, so notices before `cursor` may be
    missing.
    """

    def __init__(self, user: str, cursor: str, missed: Sequence[Posted] | None) -> None:
        self.user = user
        self.cursor = cursor
        self.is_reset = missed is None
        self._waiting = deque(missed or ())
        self._is_cut = False
        self._stirred = trio.Event()

    def push(self, posted: Posted) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self.cut()
        self._waiting.append(posted)
        self._stirred.set()

    def cut(self) -> None:
        """Give no more: the reader comes back with a cursor."""
        self._is_cut = True
        self._stirred.set()

    @property
    def is_quiet(self) -> bool:
        """Whether the reader has everything, and nothing is known to be missing."""
        return not (self._waiting or self._is_cut)

    async def receive(self) -> Sequence[Posted] | None:
        """Wait for notices, and return all that are there, in order; None where no more come."""
        if self._waiting:
            await trio.lowlevel.checkpoint()
        else:
            await self._stirred.wait()
        if self._is_cut:
            return None
        self._stirred = trio.Event()
        received, self._waiting = self._waiting, deque()
        return received


class Board:
    """The rules are at the top of this file."""

    def __init__(self, cursor: str, most: int = MOST) -> None:
        """`cursor`: the place before the first notice."""
        self._most = most
        self._readers: defaultdict[str, set[NoticeReader]] = defaultdict(set)
        self._start_at(cursor)

    def _start_at(self, cursor: str) -> None:
        self._posted = deque([Posted(cursor, None)])
        self._cursors = {cursor} - {START}  # whatever was lost, every log begins there again

    @property
    def cursor(self) -> str:
        """The place of the newest notice."""
        return self._posted[-1].cursor

    def add(self, cursor: str, notice: Notice) -> None:
        """Add a notice behind all others, at a place of its own."""
        posted = Posted(cursor, notice)
        self._posted.append(posted)
        self._cursors.add(cursor)
        if len(self._posted) > self._most:
            self._cursors.discard(self._posted.popleft().cursor)
        for reader in self._readers.get(notice.user, ()):
            reader.push(posted)

    def restart(self, cursor: str) -> None:
        """Forget all notices, because some may be missing before `cursor`, and cut all readers."""
        self._start_at(cursor)
        for readers in self._readers.values():
            for reader in readers:
                reader.cut()

    def readers(self, user: str) -> int:
        """How many readers the user has here."""
        return len(self._readers.get(user, ()))

    def follow(self, user: str, cursor: str | None) -> NoticeReader:
        """Follow a user's notices from `cursor` on; None stands for a reader who knows nothing."""
        missed = self._missed(user, cursor)
        place = self.cursor if cursor is None or missed is None else cursor
        reader = NoticeReader(user, place, missed)
        self._readers[user].add(reader)
        return reader

    def leave(self, reader: NoticeReader) -> None:
        """Push nothing more to the reader, who may have left already."""
        readers = self._readers.get(reader.user, set())
        readers.discard(reader)
        if not readers:
            self._readers.pop(reader.user, None)

    def _missed(self, user: str, cursor: str | None) -> Sequence[Posted] | None:
        """The user's notices after `cursor`; None where nobody knows, or there are too many."""
        if cursor not in self._cursors:
            return None
        newer = takewhile(lambda each: each.cursor != cursor, reversed(self._posted))
        missed = [each for each in newer if each.notice is not None and each.notice.user == user]
        return missed[::-1] if len(missed) < MOST_WAITING else None
