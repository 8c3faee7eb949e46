"""The place where notices are posted, for a process that has all jobs."""

from secrets import token_hex
from typing import Protocol

from legato.actors.notices.board import Board
from legato.actors.notices.notice import Notice


class Notices(Protocol):
    """Takes notices without waiting, and has them on the board here, and at all other replicas."""

    board: Board

    def post(self, notice: Notice) -> None: ...


class LocalNotices:
    """A process without other replicas: a notice is on the board in the step that posts it.

    A later process begins another board, and no cursor of this board holds there.
    """

    def __init__(self) -> None:
        self._birth = token_hex(6)
        self._posted = 0
        self.board = Board(f"{self._birth}-0")

    def post(self, notice: Notice) -> None:
        self._posted += 1
        self.board.add(f"{self._birth}-{self._posted}", notice)
