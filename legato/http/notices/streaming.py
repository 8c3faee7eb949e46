"""Notices as the body of a response."""

from collections.abc import Callable
from typing import Self

import trio
from msgspec import json

from legato.actors.notices.board import Board, NoticeReader, Posted
from legato.http.clock import milliseconds
from legato.http.streams.streaming import HEARTBEAT, LastingBody, StreamCut, Streams


class NoticeBody(LastingBody):
    """Never ends cleanly, because there is always more to come.

    A heartbeat brings the board's newest cursor, so a quiet user's cursor does not grow old while
    other users are busy.
    """

    def __init__(
        self,
        follow: Callable[[], NoticeReader],
        board: Board,
        is_welcome: Callable[[], bool],
        heartbeat: float,
        streams: Streams,
    ) -> None:
        """`follow` is called when the body begins.  `is_welcome`: whether the credentials of the
        request are still good."""
        super().__init__(heartbeat, streams)
        self._follow = follow
        self._board = board
        self._is_welcome = is_welcome
        self._reader: NoticeReader | None = None
        self._told = ""  # the cursor that the reader has

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._reader = self._follow()
        return self

    def _leave(self) -> None:
        if self._reader is not None:
            self._board.leave(self._reader)

    async def __anext__(self) -> bytes:
        """Raises StreamCut where the reader is to come back: late, or no longer welcome."""
        assert self._reader is not None, "the body has begun"
        if self._is_cut:
            raise StreamCut
        frames = b"" if self._told else self._begin(self._reader)
        return frames or await self._wait(self._reader)

    def _begin(self, reader: NoticeReader) -> bytes:
        self._told = reader.cursor
        return reset(reader.cursor) if reader.is_reset else HEARTBEAT

    async def _wait(self, reader: NoticeReader) -> bytes:
        with trio.move_on_after(self._heartbeat) as self._silence:
            posted = await reader.receive()
            if posted is None or not self._is_welcome():
                raise StreamCut
            self._told = posted[-1].cursor
            return b"".join(map(frame, posted))
        if self._is_cut or not self._is_welcome():
            raise StreamCut
        return HEARTBEAT + (self._newer_cursor() if reader.is_quiet else b"")

    def _newer_cursor(self) -> bytes:
        """A frame without data, which browsers take for a new last id, and for no event."""
        if self._told == self._board.cursor:
            return b""
        self._told = self._board.cursor
        return f"id: {self._told}\n\n".encode()


def frame(posted: Posted) -> bytes:
    """One server-sent event; the cursor comes last, as in the streams of generations."""
    notice = posted.notice
    assert notice is not None, "only notices are pushed"
    return _frame(notice.kind, json.encode(notice.news), posted.cursor)


def reset(cursor: str) -> bytes:
    return _frame("reset", json.encode({"at": milliseconds()}), cursor)


def _frame(name: str, data: bytes, cursor: str) -> bytes:
    return b"event: %b\ndata: %b\nid: %b\n\n" % (name.encode(), data, cursor.encode())
