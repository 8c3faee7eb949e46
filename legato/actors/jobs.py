"""What the program asks of all jobs, whether this process has them all or is one of many."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from legato.actors.conversation.turn import Turn
from legato.actors.ref import JobRef
from legato.config import OnBusy


class Started(Struct, frozen=True):
    """`joined`: this start is a repetition, and `job` the first one's.  `queued`: it waits."""

    job: JobRef
    joined: bool = False
    queued: bool = False


class Jobs(Protocol):
    """Every method raises StorageError where others must be asked and cannot be; `start` also while
    it is known that no turn can be stored."""

    async def start(self, turn: Turn, on_busy: OnBusy) -> Started:
        """Start a turn, or join the job that its `request_id` started before.

        Raises:
            ForeignConversation: if the conversation has a job of another user.
            StartRefused: RequestReused, Busy, TooManyForUser, TooManyForServer or ShuttingDown.
        """
        ...

    async def knows(self, turn: Turn) -> bool:
        """Whether the request that asks for this turn has a job already."""
        ...

    async def expected(self, user: str, conversation_id: str) -> Sequence[str]:
        """Ids of the messages that this conversation's running jobs are making."""
        ...

    async def whereis(self, user: str, stream_id: str) -> JobRef | None:
        """The job of that id, or the current one of that conversation; it may be another user's."""
        ...

    async def active(self, user: str) -> Sequence[str]:
        """The conversations in which this user has a running job."""
        ...

    async def titled(self, user: str, conversation_id: str) -> None:
        """Return when the conversation's turns have ended and no title is in the making."""
        ...

    async def close_conversation(self, user: str, conversation_id: str) -> None:
        """Stop what runs in a conversation, properly, and let go of all its jobs."""
        ...

    async def discard(self, job_id: str) -> None:
        """Stop that job, if it runs, properly, and let go of it."""
        ...

    async def ping(self) -> None:
        """Return if all that it needs can be used now."""
        ...
