"""The storage of turns, as a turn of either kind sees the storage."""

from typing import Protocol

from legato.actors.conversation.turn import Turn
from legato.actors.messages import Opening
from legato.content import Conversation, Part
from legato.events import AnyEnding, Created
from legato.models.contract import Model


class TurnStore(Protocol):
    """The storage as one kind of turn sees it.  Every method raises StorageError."""

    async def plan(self, turn: Turn, model: Model) -> Opening:
        """Find the turn's place, and make the model's request.  Nothing is stored yet.

        Raises:
            InvalidTurn: if the conversation changed, and no longer has a place for the turn.
        """
        ...

    async def open(self, turn: Turn, created: Created) -> Conversation:
        """Store the question; return its conversation as it is then.  A repetition changes nothing.

        Raises:
            ForeignConversation, RequestTaken, OverQuota, DecidedBefore: as the storage does.
        """
        ...

    async def reopen(
        self, turn: Turn, model: Model, created: Created, content: tuple[Part, ...]
    ) -> Opening:
        """Have the model go on from `content`, in a turn begun by another process.

        Raises:
            ForeignConversation: if the conversation is gone.
        """
        ...

    async def opened(self, created: Created) -> Conversation | None:
        """Look the question's conversation up; None where the question is not stored."""
        ...

    async def conversation(self, created: Created) -> Conversation | None:
        """Look the conversation up, with or without messages; None where none is there."""
        ...

    async def close(self, job_id: str, ending: AnyEnding, created: Created) -> Conversation | None:
        """Store the job's answer beside its question; return the conversation as it is then.

        The first stored answer of a job stays.  None where there is no answer, or the conversation
        is gone.

        Raises:
            ForeignConversation: as the storage does.
        """
        ...

    async def said(self, job_id: str, _opening: Opening) -> AnyEnding | None:
        """Look up the ending whose answer the job stored; None where no answer is stored."""
        ...

    def moment(self) -> int | None:
        """The time for an ending, in seconds since 1970: now; None where a message has the time."""
        ...
