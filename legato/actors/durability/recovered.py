"""A job as the journal gives it back after the end of its process."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from legato.actors.conversation.turn import Turn
from legato.actors.messages import Opening
from legato.events import AnyEvent, Ending


class Recovered(Struct, frozen=True):
    """A job for readers who come back, which goes on if it has no ending.

    `previous_epochs`: the former owners' epochs, each with its last remaining position.  `opening`:
    None where the turn never began.  `is_planned`: whether `opening` has the model's request, too.
    `is_done`: the journal has the mark, and nothing follows from the ending any more.
    """

    turn: Turn
    epoch: int
    opening: Opening | None
    previous_epochs: Mapping[int, int]
    events: Sequence[AnyEvent]
    is_planned: bool = False
    is_done: bool = False

    @property
    def has_ended(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], Ending)

    @property
    def has_begun(self) -> bool:
        return self.opening is not None
