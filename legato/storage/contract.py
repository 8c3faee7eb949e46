"""What storage promises: one owner a conversation, whole turns, and no word of a job lost."""

from collections.abc import Collection, Sequence
from typing import Final, Literal, Protocol

from msgspec import Struct

from legato.content import Conversation, Message
from legato.events import AnyEvent
from legato.storage.bans import Bans
from legato.storage.keys import ApiKeys
from legato.storage.responses import Responses
from legato.storage.revocations import Revocations

PING_TIMEOUT: Final = 1.0
"""Seconds for a ping: whoever probes readiness, on a busy machine, too, hears within two."""


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


class RequestTaken(Exception):
    """This user's `clientRequestId` has started a turn already, which `turn` names."""

    def __init__(self, turn: "StoredTurn") -> None:
        super().__init__(f"That request already started the turn of message {turn.message_id}.")
        self.turn = turn


class InvalidCursor(ValueError):
    """A paging cursor that this storage never gave out."""


class Page(Struct, frozen=True, rename="camel"):
    conversations: Sequence[Conversation]
    next_cursor: str | None = None


class MessagePage(Struct, frozen=True, rename="camel"):
    """In order of arrival; what came before them is on the page of `next_cursor`."""

    messages: Sequence[Message]
    next_cursor: str | None = None


class StoredTurn(Struct, frozen=True):
    """Where a start with a `clientRequestId` went."""

    conversation_id: str
    message_id: str


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
        """All messages, in order of arrival, since clocks are set back; replaced ones stay."""
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
        """Remove it, its messages and its request ids; False where there was none."""
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


class Entries(Struct, frozen=True):
    """Neighbouring events of one job's log; `events[0]` is at the position `first`, from 1.

    `epoch` is the owner's.  With no events and `first` 1 the journal learns only that the job
    exists, and whose it is.
    """

    job_id: str
    epoch: int
    first: int
    events: tuple[AnyEvent, ...]

    @property
    def last(self) -> int:
        """The position of the last event; `first - 1` without any."""
        return self.first + len(self.events) - 1


class OrphanedJob(Struct, frozen=True):
    """A job that was without an owner, and is this one's now.

    `epoch`: what its new owner appends has this.  `attempts`: how often the job was taken over
    since anything was appended to it or it was settled, this time included.
    """

    job_id: str
    epoch: int
    attempts: int
    settled: bool


class Kept(Struct, frozen=True):
    """A job's entries in a journal, in the order in which they were kept.

    Every entries begin at or below the position after those before them.  What they say again
    replaces what stood there, where they are of a later epoch, and repeats it otherwise.  What
    follows a gap is left out, until entries follow that begin at or below the gap: those heal it.
    `fault` says why that is not all, where nothing healed it.
    """

    entries: Sequence[Entries]
    fault: str | None = None


class Refusal(Struct, frozen=True):
    """Entries that were not kept, and why trying again cannot help.

    `fenced`: the job has another owner now, with a later epoch, or had one and was forgotten.
    `forgotten`: what came before them is not in the journal (any more); then all has to be told
    from position 1.
    """

    job_id: str
    reason: Literal["fenced", "forgotten"]


class Journal(Protocol):
    """The logs of jobs, so that they outlive the process that runs them.

    A job is settled once its ending is in here and what that says is stored.  A journal has an
    owner: who opened it.  Jobs belong to the owner who appended to them first, with epoch 1, until
    another takes them over, or, where that is not in here any more, appends with a later epoch.
    Every method raises StorageError where the storage fails or is closed.  One that is cancelled
    has done all of its work or none; after an error that is not certain, and the same may be said
    again.
    """

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        """Keep all of these that are not refused; on return no end of the process can lose them.

        A batch has one `Entries` of a job at most.  The journal holds no gap: it refuses as
        forgotten what begins above the position after the last event that is kept.  Say 1 to 5 are
        kept, and 5 is lost with a server that failed: 6 is refused, 1 to 6 are not.  What begins
        lower is kept, too: of a later epoch it replaces what stands from there on; of the same it
        is a repetition, of which only what goes beyond the last event is new.

        Raises:
            UnstorableText: if one of them holds what cannot be kept; then none is.
        """
        ...

    async def take_over(self) -> Sequence[OrphanedJob]:
        """Make this the owner of all jobs whose owner is gone.

        Returns them in the order of their ids, and again what it took over before and nobody heard
        of, or, perhaps, what nothing was appended to since.  From then on, whatever their former
        owners append is refused as fenced.
        """
        ...

    async def read(self, job_id: str) -> Kept: ...

    async def settle(self, job_ids: Sequence[str]) -> None:
        """Note that nothing is left to be done for them but to let them be read.

        What is another owner's by now stays as it is, here and where it is forgotten.
        """
        ...

    async def forget(self, job_ids: Sequence[str]) -> None:
        """Nobody may read them any more.

        Of a job that had a former owner a tombstone stays, for about a day: whatever a former owner
        appends is fenced.  Nothing else knows of it; its last owner may tell it from position 1.
        """
        ...

    def abandon(self) -> None:
        """See Records."""
        ...
