"""The contract for conversations and messages."""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from msgspec import Struct

from legato.content import Conversation, Message
from legato.search.words import Term
from legato.storage.contracts.actions import Actions
from legato.storage.contracts.agents import Agents
from legato.storage.contracts.bans import Bans
from legato.storage.contracts.errors import StoredTurn
from legato.storage.contracts.keys import ApiKeys
from legato.storage.contracts.quotas import StorageUse
from legato.storage.contracts.responses import Responses
from legato.storage.contracts.revocations import Revocations

PING_TIMEOUT: Final = 1.0
"""Seconds for a ping: a prober of readiness has its answer within two, on a busy machine, too."""


class Page(Struct, frozen=True, rename="camel"):
    conversations: Sequence[Conversation]
    next_cursor: str | None = None


class MessagePage(Struct, frozen=True, rename="camel"):
    """Messages in order of arrival; the earlier messages are on the page of `next_cursor`."""

    messages: Sequence[Message]
    next_cursor: str | None = None


class FoundMessage(Struct, frozen=True):
    """A message that a search found, and its conversation's title."""

    message: Message
    title: str


class FoundPage(Struct, frozen=True):
    """Messages found, the newest first; older messages are on the page of `next_cursor`."""

    found: Sequence[FoundMessage]
    next_cursor: str | None = None


LONGEST_BRANCH: Final = 4096
"""Messages from an answer up to its first ancestor: no model reads the beginning of a longer
conversation."""


class Branch(Struct, frozen=True):
    """Messages of which each is the parent of the next, the oldest first.

    `above`: how many messages are before these, counted up to LONGEST_BRANCH.
    """

    messages: Sequence[Message] = ()
    above: int = 0


class Revision(Struct, frozen=True):
    """A job whose answer is to replace the stored answer `message_id`."""

    job_id: str
    message_id: str


class BegunTurn(Struct, frozen=True):
    """The turn of a job whose question, `message_id`, is stored.  `most`: see Records.branch."""

    job_id: str
    conversation_id: str
    message_id: str
    most: int


class StoredPlace(Struct, frozen=True):
    """A begun turn as the storage has it.

    `conversation` is None where it is gone; `branch` goes up from the question.  `is_answered`:
    whether an answer of the job is stored.
    """

    conversation: Conversation | None
    branch: Branch
    is_answered: bool


class Records(Protocol):
    """Conversations and messages.

    Every method raises StorageError where the storage fails or is closed, and UnstorableText where
    a text cannot be kept; every other text comes back as given, never changed.  A cancelled method
    has done all of the work or none.  Timestamps are storage's: `created_at` is set once,
    `updated_at` at every write, both aware and in UTC.
    """

    @property
    def agents(self) -> Agents: ...

    @property
    def actions(self) -> Actions: ...

    @property
    def api_keys(self) -> ApiKeys: ...

    @property
    def responses(self) -> Responses: ...

    @property
    def bans(self) -> Bans: ...

    @property
    def revocations(self) -> Revocations: ...

    async def open_turn(
        self,
        conversation: Conversation,
        message: Message,
        *,
        request_id: str | None = None,
        revision: Revision | None = None,
    ) -> Conversation:
        """Store a user's message and conversation in a transaction, and return the conversation.

        An existing conversation keeps its owner, title and `created_at`; an existing message (same
        `message_id`) is replaced in place and keeps its `created_at`.  From a `revision` on, only
        that job may store that answer.

        Raises, and stores nothing:
            ForeignConversation: if the conversation is a different user's, or a message with this
                id is in a different conversation, whichever user's: a message is never moved.
            RequestTaken: if this user gave `request_id` before, for another message.
            OverQuota: if this user has no room for the turn; see Quota.
        """
        ...

    async def close_turn(self, message: Message, *, job_id: str) -> Conversation | None:
        """Store the job's answer and touch the conversation, in a single transaction.

        The first answer stays: where the job stored this message before, nothing is written, and
        the conversation is returned unchanged; so, too, where a different job revises the answer by
        now.  A different job's message with this id is replaced in place, as in `open_turn`.  Where
        the conversation is gone, nothing is stored and None is returned.

        Raises, and stores nothing:
            ForeignConversation: if a message with this id is in a different conversation.
        """
        ...

    async def answer(self, job_id: str) -> Message | None:
        """The answer of this job; None where there is none.

        An answer is gone once a later message replaced the answer, or the conversation was deleted.
        """
        ...

    async def messages(self, conversation_id: str) -> list[Message]:
        """All messages, in order of arrival, not of time, since clocks are set back.

        A replaced message stays at its place.  The list may take gigabytes: no client's request has
        all messages read.
        """
        ...

    async def branch(
        self, conversation_id: str, message_id: str | None = None, *, most: int
    ) -> Branch:
        """A message (the newest, where none is named) and the messages above, along their parents.

        The branch has as many messages as have `most` characters together, and LONGEST_BRANCH at
        most; the message and its parent are there in any size.  None, where the message is not
        there.
        """
        ...

    async def places(self, turns: Sequence[BegunTurn]) -> Sequence[StoredPlace]:
        """Look some begun turns up together, in their order: cheaper than one after another."""
        ...

    async def message_page(
        self, conversation_id: str, *, limit: int, most: int, cursor: str | None = None
    ) -> MessagePage:
        """The newest `limit` of the messages before `cursor`, or fewer, of `most` characters.

        The first message is there, whatever the size.  `limit` is 1 or more.

        Raises:
            InvalidCursor: if no former page of this conversation carried `cursor`.
        """
        ...

    async def some_messages(
        self, conversation_id: str, message_ids: Collection[str]
    ) -> list[Message]:
        """The messages with these ids in this conversation, ordered as `messages` orders."""
        ...

    async def found_messages(
        self,
        user: str,
        terms: Sequence[Term],
        *,
        limit: int,
        most: int,
        cursor: str | None = None,
    ) -> FoundPage:
        """The newest `limit` of a user's messages that have all `terms`, of `most` characters.

        A page has fewer messages where the messages are long, and one at least if there is one.
        The terms are looked for in what a person reads of a message, in any order; without terms
        nothing is found.  `limit` is 1 or more.

        Raises:
            InvalidCursor: if no former page of found messages carried `cursor`.
        """
        ...

    async def conversation(self, conversation_id: str) -> Conversation | None: ...

    async def conversations(
        self,
        user: str,
        *,
        limit: int,
        cursor: str | None = None,
        terms: Sequence[Term] | None = None,
    ) -> Page:
        """A user's conversations, last changed first; `limit` is 1 or more.

        With `terms`, the conversations whose title has all the terms: none, where there are none.

        Raises:
            InvalidCursor: if no former page carried `cursor`.
        """
        ...

    async def turn_of_request(self, user: str, request_id: str) -> StoredTurn | None:
        """The turn that this user's `clientRequestId` started, however long ago."""
        ...

    async def retitle(
        self, conversation_id: str, title: str, *, made_of: str | None = None
    ) -> Conversation | None:
        """Set the title and return the conversation; None where the conversation is gone.

        `made_of`: the id of the question of which the title was made, by nobody's wish.  Then
        nothing is written where the title is other than NEW_CHAT, or the question is gone: the
        conversation was deleted, and another of the same id has begun.
        """
        ...

    async def delete_conversation(self, conversation_id: str) -> bool:
        """Remove a conversation with all messages and request ids; False where there was none.

        A long conversation is removed in steps, the oldest messages first: a cancelled or failed
        call may have removed some messages, and the next call removes the rest.
        """
        ...

    async def storage_use(self, user: str) -> StorageUse:
        """How much this user has stored, as counted by all writes and removals.

        A database counts from the first opening with a quota on, and begins with the rows found
        there.
        """
        ...

    async def check_room(self, user: str, more: StorageUse) -> None:
        """Raises OverQuota if a start storing `more` would be refused now.

        The start itself is measured again: a caller asks here first, before anything is disturbed
        for the start.  Where nothing is bounded, nothing is looked up.
        """
        ...

    async def ping(self) -> None:
        """Return if the storage can be used, and written to, now.

        Raises:
            StorageError: after PING_TIMEOUT seconds at the latest.
        """
        ...

    def check(self) -> None:
        """Raises StorageError while nothing can be written, as far as is known."""
        ...

    def abandon(self) -> None:
        """Give up all work: every waiting caller gets a StorageError now.

        A process calls `abandon` at its end, because a hanging storage must not keep the process.
        """
        ...

    async def aclose(self) -> None: ...
