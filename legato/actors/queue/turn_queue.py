"""The order in which a conversation's waiting turns begin, as a waiting turn sees the order."""

from typing import Protocol

from legato.actors.conversation.turn import Turn


class TurnQueue(Protocol):
    """Decides the order of a conversation's turns, in one place, one decision after another.

    Only the recorder of a waiting turn asks, and asks one thing at a time.  Therefore a turn is
    never moved and begun at once.
    """

    async def come(self, turn: Turn) -> None:
        """Return when the turn may begin; from then on the turn waits no more.

        A cancelled call has decided nothing, or has let the turn begin.
        """
        ...

    async def move_to_front(self, turn: Turn) -> int | None:
        """Put the turn before all other waiting turns, and return the turn's new rank.

        Returns None where the turn waits no more.

        Raises:
            StorageError: where the order cannot be reached; the move may have been made.
        """
        ...

    async def rejoin(self, turn: Turn) -> int:
        """Return the turn's rank, which a move without a reply made lower than `turn.rank`."""
        ...
