"""The changes asked of a waiting turn, as the turn's recorder makes the changes."""

from typing import Literal, Protocol

from legato.actors.queue.questions import EditWaiting, MoveToFront
from legato.events import QueueChange

Change = MoveToFront | EditWaiting


class TurnChanges(Protocol):
    """The recorder's side of a waiting turn: changes are made in turn."""

    @property
    def change(self) -> Change | None:
        """The change to make now: the first of all that wait to be published or refused."""
        ...

    async def asked(self) -> None:
        """Return when there is a change to make."""
        ...

    def refuse(self, reason: Literal["not_waiting", "unavailable"]) -> None:
        """Refuse the change to make."""
        ...

    def end(self) -> None:
        """Note that the turn begins or ends, and refuse all changes that were asked for."""
        ...


def change_of(change: Change) -> QueueChange:
    """The change as the log has it."""
    return QueueChange("front" if isinstance(change, MoveToFront) else "edit", change.id)
