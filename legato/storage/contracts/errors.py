"""What storage refuses, and how its failures are named."""

from msgspec import Struct


class StorageError(Exception):
    """The storage could not be used; trying again may help.  The message is for people."""


class Unavailable(StorageError):
    """The storage itself is in trouble: down, silent, locked, full or read-only.

    Others would fail the same way, whatever they ask.
    """


class ForeignConversation(Exception):
    """The conversation belongs to somebody else."""


class UnstorableText(StorageError):
    """A text holds half of a surrogate pair, or NUL where the database (PostgreSQL) has none; or
    there is anything else that JSON cannot say.

    Trying again cannot help.
    """


class StoredTurn(Struct, frozen=True):
    """Where a start with a `clientRequestId` went."""

    conversation_id: str
    message_id: str


class RequestTaken(Exception):
    """This user's `clientRequestId` has started a turn already, which `turn` names."""

    def __init__(self, turn: StoredTurn) -> None:
        super().__init__(f"That request already started the turn of message {turn.message_id}.")
        self.turn = turn


class InvalidCursor(ValueError):
    """A paging cursor that this storage never gave out."""
