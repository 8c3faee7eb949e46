"""A run that waits for answers, and is nothing here but an entry."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import trio
from msgspec import Struct
from msgspec.structs import replace

from legato.actors.conversation.turn import Turn

_NOTHING: Final[Mapping[str, Any]] = {}  # one for all: an empty table has 64 bytes


class Parked(Struct, frozen=True, kw_only=True):
    """Everything that a process keeps of a parked run: the journal has the rest.

    `turn` has the ids, without the request.  `tail`: how many events the journal has, the last ones
    of `epoch`.  `expires_at`: when the first open ask expires, in milliseconds since 1970.
    `ended` is set once the run has ended, in the job that it is woken as: other turns wait for it.
    """

    turn: Turn
    epoch: int
    tail: int
    expires_at: int
    ended: trio.Event

    has_begun: ClassVar[bool] = True
    has_ended: ClassVar[bool] = False

    @classmethod
    def of(cls, turn: Turn, epoch: int, tail: int, expires_at: int, ended: trio.Event) -> Self:
        """Make the entry of a run; `turn` may have the whole request."""
        ids = replace(
            turn.without_prompt(),
            text="",
            parameters=_NOTHING,
            instructions=None,
            parent_id=None,
            regenerate=None,
            revise=None,
            edit=None,
        )
        return cls(turn=ids, epoch=epoch, tail=tail, expires_at=expires_at, ended=ended)
