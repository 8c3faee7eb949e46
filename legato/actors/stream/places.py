"""A reader's place in a job's log, and why nobody can tell what follows it."""

from typing import Literal

from msgspec import Struct

from legato.actors.mailbox import ActorError
from legato.events import Cursor

Start = Literal["beginning", "snapshot"] | Cursor
"""Where a reader wants to begin: at the log's beginning, with a snapshot of now, or behind the
event that the reader saw last."""


class UnknownDialect(ActorError):
    """Nobody here speaks that dialect, or the dialect failed in telling this job."""


class OutOfReach(ActorError):
    """What followed that place cannot be told in that dialect.

    `last`: where the dialect numbers its frames, the last number that was given, -1 for none.
    """

    def __init__(self, last: int | None = None) -> None:
        super().__init__("What followed that place cannot be told.")
        self.last = last


class Located(Struct, frozen=True, tag=True):
    """Where to go on from: after these `frames`, `cursor`.

    `is_last`: nothing follows, because that is the ending's place.
    """

    cursor: Cursor
    frames: bytes = b""
    is_last: bool = False
