"""What one user may store, and what counts towards it: the contract.  Pure."""

from typing import Final

from msgspec import UNSET, Struct, json

from legato.agents.state import AgentState
from legato.content import Conversation, Message
from legato.storage.contracts.responses import StoredResponse

ROW_BYTES: Final = 512
"""What each conversation, message and response counts besides its texts: about what its ids and
indexes take on the disk.  Without them empty messages would be stored without end."""


class StorageUse(Struct, frozen=True):
    """What is stored of a user.  `size`: bytes of texts, and ROW_BYTES for each row."""

    conversations: int = 0
    size: int = 0

    def __add__(self, more: "StorageUse") -> "StorageUse":
        return StorageUse(self.conversations + more.conversations, self.size + more.size)

    def __sub__(self, less: "StorageUse") -> "StorageUse":
        return StorageUse(self.conversations - less.conversations, self.size - less.size)


class OverQuota(Exception):
    """A start for which a user has no room left.  The message is for people."""


class Quota(Struct, frozen=True):
    """The most that one user may store: conversations, and bytes in all; None is no bound.

    Only starts are measured by it: an answer that was begun is stored whatever its size.
    """

    conversations: int | None = None
    size: int | None = None

    @property
    def is_off(self) -> bool:
        return self.conversations is None and self.size is None

    def check_room(self, use: StorageUse, more: StorageUse) -> None:
        """Raises OverQuota if a start that stores so much more has no room beside that."""
        self.check(use + more, begins=more.conversations > 0)

    def check(self, use: StorageUse, *, begins: bool) -> None:
        """Raises OverQuota if a start must not bring a user to that use.

        `begins`: the start begins a conversation; others need no room for one.
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
    """Without its messages."""
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
    """Also of a text that is no Unicode, which is refused elsewhere and by name."""
    return len(text.encode(errors="surrogatepass"))


def version_use(state: AgentState) -> StorageUse:
    """Of one version of an agent."""
    return StorageUse(0, ROW_BYTES + len(json.encode(state)))


def avatar_use(data: bytes) -> StorageUse:
    return StorageUse(0, ROW_BYTES + len(data))
