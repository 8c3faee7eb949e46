"""The questions about a waiting turn, and the answers."""

from typing import Any, Final, Literal

from msgspec import Struct

from legato.actors.question import Question
from legato.events import Cursor

MOST_CHANGES: Final = 100
"""Changes of one waiting turn: each keeps the whole request once more."""


class Waiting(Struct, frozen=True, tag=True):
    """A turn that waits for the turns before, as true at `cursor`.  `rank`: see TurnRequest."""

    text: str
    rank: int
    cursor: Cursor
    request_id: str | None = None


class NotWaiting(Struct, frozen=True, tag=True):
    """Nothing was changed, and why; `standing` is how the job stands (see Standing), as true at
    `cursor`.

    `reason`: the turn has begun or ended (`not_waiting`); the change's id named another change
    (`reused`); the turn was changed too often (`too_many`); the replicas' directory cannot be asked
    (`unavailable`).
    """

    standing: str
    cursor: Cursor
    reason: Literal["not_waiting", "reused", "too_many", "unavailable"] = "not_waiting"


class GetWaiting(Question[Waiting | NotWaiting], frozen=True):
    """Answered at once: the turn as it waits."""


class MoveToFront(Question[Waiting | NotWaiting], frozen=True):
    """From anyone allowed: begin before all other waiting turns of the conversation.

    Answered once the journal has the move.  `id`: a second question with this id is the same
    change, asked again because the answer was lost, and has the same answer.
    """

    id: str = ""


class EditWaiting(Question[Waiting | NotWaiting], frozen=True):
    """From anyone allowed: ask this text instead.  Answered, and `id`, as MoveToFront."""

    text: str
    id: str = ""


class CancelWaiting(Question[Any], frozen=True):
    """From anyone allowed: end now, unless the turn has begun.

    Answered with a StopReply when the ending is said, or with NotWaiting.
    """


QueueQuestion = GetWaiting | MoveToFront | EditWaiting | CancelWaiting
