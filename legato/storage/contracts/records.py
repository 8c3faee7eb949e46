"""What every storage of conversations promises."""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from msgspec import Struct

from legato.content import Conversation, Message
from legato.storage.contracts.bans import Bans
from legato.storage.contracts.errors import StoredTurn
from legato.storage.contracts.keys import ApiKeys
from legato.storage.contracts.quotas import StorageUse
from legato.storage.contracts.responses import Responses
from legato.storage.contracts.revocations import Revocations

PING_TIMEOUT: Final = 1.0
"""Seconds for a ping: whoever probes readiness, on a busy machine, too, hears within two."""


class Page(Struct, frozen=True, rename="camel"):
    conversations: Sequence[Conversation]
    next_cursor: str | None = None


class MessagePage(Struct, frozen=True, rename="camel"):
    """In order of arrival; what came before them is on the page of `next_cursor`."""

    messages: Sequence[Message]
    next_cursor: str | None = None


LONGEST_BRANCH: Final = 4096
"""Messages that follow one another: of a longer conversation no model reads the beginning."""


class Branch(Struct, frozen=True):
    """Messages that follow one another, the oldest first; `above`: how many are before them.

    That is counted up to LONGEST_BRANCH.
    """

    messages: Sequence[Message] = ()
    above: int = 0


class Records(Protocol):
    """Conversations and messages.

    Every method raises StorageError where the storage fails or is closed, and UnstorableText
    where a text cannot be kept; every other comes back as it was given, never changed.
    A method that is cancelled has done all of its work or none.  Timestamps are storage's:
    `created_at` is set once, `updated_at` at every write, both aware and in UTC.
    """

    @property
    def api_keys(self) -> ApiKeys: ...

    @property
    def responses(self) -> Responses: ...

    @property
    def bans(self) -> Bans: ...

    @property
    def revocations(self) -> Revocations: ...

    async def open_turn(
        self, conversation: Conversation, message: Message, *, request_id: str | None = None
    ) -> Conversation:
        """Store a user's message and its conversation in one transaction, and return the latter.

        An existing conversation keeps its owner, title and `created_at`; an existing message
        (same `message_id`) is replaced in place and keeps its `created_at`.

        Raises, and stores nothing:
            ForeignConversation: if the conversation is another user's, or a message of that id
                is in another conversation, whosever that is: a message is never moved.
            RequestTaken: if this user gave `request_id` before, for another message.
            OverQuota: if this user has no room for it; see Quota.
        """
        ...

    async def close_turn(self, message: Message, *, job_id: str) -> Conversation | None:
        """Store the answer of that job and touch its conversation, in one transaction.

        The first answer stays: where the job stored that message before, nothing is written, and
        the conversation is returned as it is.  Another job's message of that id is replaced in
        place, as `open_turn` does.  None, and nothing is stored, where the conversation is gone.

        Raises, and stores nothing:
            ForeignConversation: if a message of that id is in another conversation.
        """
        ...

    async def answer(self, job_id: str) -> Message | None:
        """The answer that this job stored; None where there is none.

        An answer that another message replaced since, or whose conversation was deleted, is gone.
        """
        ...

    async def messages(self, conversation_id: str) -> list[Message]:
        """All messages, in order of arrival, since clocks are set back; replaced ones stay.

        They may be gigabytes: nothing that a client asks for reads them so.
        """
        ...

    async def branch(
        self, conversation_id: str, message_id: str | None = None, *, most: int
    ) -> Branch:
        """A message (the newest, where none is named) and those above it, along their parents.

        As many as together have `most` characters, and LONGEST_BRANCH at most; but the message and
        its parent, whatever their size.  None, where the message is not there.
        """
        ...

    async def message_page(
        self, conversation_id: str, *, limit: int, most: int, cursor: str | None = None
    ) -> MessagePage:
        """The newest `limit` of the messages before `cursor`, or fewer, of `most` characters.

        One at least is there, whatever its size.  `limit` is 1 or more.

        Raises:
            InvalidCursor: if `cursor` is not one that a former page of it carried.
        """
        ...

    async def some_messages(
        self, conversation_id: str, message_ids: Collection[str]
    ) -> list[Message]:
        """Those of these messages that are there, as `messages` has them."""
        ...

    async def conversation(self, conversation_id: str) -> Conversation | None: ...

    async def conversations(self, user: str, *, limit: int, cursor: str | None = None) -> Page:
        """A user's conversations, last changed first; `limit` is 1 or more.

        Raises:
            InvalidCursor: if `cursor` is not one that a former page carried.
        """
        ...

    async def turn_of_request(self, user: str, request_id: str) -> StoredTurn | None:
        """The turn that this user's `clientRequestId` started, however long ago."""
        ...

    async def retitle(
        self, conversation_id: str, title: str, *, if_untitled: bool = False
    ) -> Conversation | None:
        """Set the title and return the conversation; None where it is gone.

        With `if_untitled`, a title other than NEW_CHAT is left as it is, and nothing is written.
        """
        ...

    async def delete_conversation(self, conversation_id: str) -> bool:
        """Remove it, its messages and its request ids; False where there was none.

        A long one goes in steps, its oldest messages first: one that is cancelled, or fails, may
        have removed some, and again removes the rest.
        """
        ...

    async def storage_use(self, user: str) -> StorageUse:
        """What is stored of this user, as the writes counted it that stored and removed it.

        A database counts since it was first opened with a quota: then with all that was there.
        """
        ...

    async def check_room(self, user: str, more: StorageUse) -> None:
        """Raises OverQuota if a start that stores so much more would be refused now.

        The start itself is measured again: this is asked before anything is disturbed for it.
        Where nothing is bounded, nothing is looked up.
        """
        ...

    async def ping(self) -> None:
        """Return if the storage can be used, and written to, now.

        Raises:
            StorageError: after PING_TIMEOUT seconds at the latest.
        """
        ...

    def check(self) -> None:
        """Raises StorageError while it is known that nothing can be written."""
        ...

    def abandon(self) -> None:
        """Bring no more work to its end: whoever waits for some gets a StorageError now.

        For a process that ends: a storage that hangs is not to hold it up.
        """
        ...

    async def aclose(self) -> None: ...
