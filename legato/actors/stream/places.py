"""A reader's place in a job's log, and the refusals of a place."""

from typing import Literal

from msgspec import Struct

from legato.actors.mailbox import ActorError
from legato.events import Cursor

Start = Literal["beginning", "snapshot"] | Cursor
"""Where a reader wants to begin: at the log's beginning, with a snapshot of now, or behind the
event that the reader saw last."""


class UnknownDialect(ActorError):
    """Nobody here speaks the dialect, or the dialect failed in telling this job."""


class OutOfReach(ActorError):
    """The dialect cannot tell the events after the reader's place.

    `last`: in a dialect with numbered frames, the last number given, -1 for none.
    """

    def __init__(self, last: int | None = None) -> None:
        super().__init__("What followed that place cannot be told.")
        self.last = last


class Located(Struct, frozen=True, tag=True):
    """The place from which to go on: after these `frames`, `cursor`.

    `is_last`: nothing follows, because `cursor` is at the ending.
    """

    cursor: Cursor
    frames: bytes = b""
    is_last: bool = False
