"""The errors of storage."""

from msgspec import Struct


class StorageError(Exception):
    """The storage could not be used; trying again may help.  The message is for people."""


class Unavailable(StorageError):
    """The storage itself is in trouble: down, silent, locked, full or read-only.

    Every other request would fail in the same way.
    """


class ForeignConversation(Exception):
    """The conversation belongs to somebody else."""


class UnstorableText(StorageError):
    """A text cannot be stored; trying again cannot help.

    The text holds half of a surrogate pair, or NUL where the database (PostgreSQL) has none; or a
    value beside the text has no form in JSON.
    """


class StoredTurn(Struct, frozen=True):
    """The turn that a start with a `clientRequestId` began."""

    conversation_id: str
    message_id: str


class RequestTaken(Exception):
    """This user's `clientRequestId` has started a turn already, which `turn` names."""

    def __init__(self, turn: StoredTurn) -> None:
        super().__init__(f"That request already started the turn of message {turn.message_id}.")
        self.turn = turn


class DecidedBefore(Exception):
    """The generation of `response_id` has the decision on the request for leave already."""

    def __init__(self, request_id: str, response_id: str) -> None:
        super().__init__(f"The response {response_id} has the decision on {request_id}.")
        self.request_id = request_id
        self.response_id = response_id


class InvalidCursor(ValueError):
    """A paging cursor not made by this storage."""
