"""The contract for quotas: how much one user may store, and how each row is counted.  Pure."""

from typing import Final

from msgspec import UNSET, Struct, json

from legato.agents.state import AgentState
from legato.content import Conversation, Message
from legato.storage.contracts.actions import Action
from legato.storage.contracts.responses import StoredResponse

ROW_BYTES: Final = 512
"""Bytes that each conversation, message and response counts beside its texts: about the size of ids
and indexes on the disk.  Otherwise empty messages would be stored without end."""


class StorageUse(Struct, frozen=True):
    """How much a user has stored.  `size`: bytes of texts, and ROW_BYTES for each row."""

    conversations: int = 0
    size: int = 0

    def __add__(self, more: "StorageUse") -> "StorageUse":
        return StorageUse(self.conversations + more.conversations, self.size + more.size)

    def __sub__(self, less: "StorageUse") -> "StorageUse":
        return StorageUse(self.conversations - less.conversations, self.size - less.size)


class OverQuota(Exception):
    """A start for which a user has no room left.  The message is for people."""


class Quota(Struct, frozen=True):
    """The most to be stored of a user: conversations, and bytes in all; None is no bound.

    Only starts are checked against a quota: once an answer was begun, the answer is stored in any
    size.
    """

    conversations: int | None = None
    size: int | None = None

    @property
    def is_off(self) -> bool:
        return self.conversations is None and self.size is None

    def check_room(self, use: StorageUse, more: StorageUse) -> None:
        """Raises OverQuota if a start that stores `more` beside `use` has no room."""
        self.check(use + more, begins=more.conversations > 0)

    def check(self, use: StorageUse, *, begins: bool) -> None:
        """Raises OverQuota if a start must not bring a user to this use.

        `begins`: the start begins a conversation; other starts need no room for a conversation.
        """
        if begins and self.conversations is not None and use.conversations > self.conversations:
            raise OverQuota(
                f"You have {use.conversations - 1} conversations; {self.conversations} are allowed"
                " (max_conversations_per_user). Delete one, or go on in one that is there."
            )
        if self.size is not None and use.size > self.size:
            raise OverQuota(
                f"With this, what is stored for you would have {use.size} bytes; {self.size} are"
                " allowed (max_stored_bytes_per_user). Delete conversations, stored responses or"
                " agents."
            )


UNBOUNDED: Final = Quota()


def conversation_use(conversation: Conversation) -> StorageUse:
    """A conversation's use, without its messages."""
    return StorageUse(1, ROW_BYTES + _octets(conversation.title))


def message_use(message: Message) -> StorageUse:
    content = b"" if message.content is UNSET else json.encode(message.content)
    return StorageUse(0, ROW_BYTES + _octets(message.text) + len(content))


def response_use(response: StoredResponse) -> StorageUse:
    kept = [response.items, [response.created]]
    if response.ending is not None:
        kept.append([response.ending])
    return StorageUse(0, ROW_BYTES + sum(len(json.encode(each)) for each in kept))


def _octets(text: str) -> int:
    """The size in bytes, also of a text that is not Unicode, which `checks` refuses by name."""
    return len(text.encode(errors="surrogatepass"))


def version_use(state: AgentState) -> StorageUse:
    """The use of storage by one version of an agent."""
    return StorageUse(0, ROW_BYTES + len(json.encode(state)))


def avatar_use(data: bytes) -> StorageUse:
    return StorageUse(0, ROW_BYTES + len(data))


def action_use(action: Action) -> StorageUse:
    return StorageUse(0, ROW_BYTES + _octets(action.document) + _octets(action.compiled))
