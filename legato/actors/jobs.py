"""The questions about all jobs, whether this process has all of them or is one of many."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from msgspec import Struct

from legato.actors.conversation.turn import Turn
from legato.actors.inspection.timeline import ListTimelines, Timelines
from legato.actors.ref import JobRef
from legato.config import OnBusy


class Started(Struct, frozen=True):
    """`joined`: the start repeats an earlier start, whose job is `job`.  `queued`: it waits."""

    job: JobRef
    joined: bool = False
    queued: bool = False


class Jobs(Protocol):
    """All jobs, as the program asks for them.

    Every method raises StorageError where the other replicas must be asked and cannot be; `start`
    also while no turn can be stored, as far as is known.
    """

    async def start(self, turn: Turn, on_busy: OnBusy, *, was_accepted: bool = False) -> Started:
        """Start a turn, or join the job that the same `request_id` started before.

        `was_accepted`: somebody has our word for the turn already, and no limit refuses it.

        Raises:
            ForeignConversation: if the conversation has a job of another user.
            StartRefused: RequestReused, Busy, TooManyForUser, TooManyForServer, QueueFull or
                ShuttingDown.
        """
        ...

    async def knows(self, turn: Turn) -> bool:
        """Whether the request that asks for this turn has a job already."""
        ...

    async def expected(self, user: str, conversation_id: str) -> Sequence[str]:
        """Ids of the messages in the making by this conversation's running jobs."""
        ...

    async def whereis(self, user: str, stream_id: str) -> JobRef | None:
        """The job with that id, or the conversation's current job, even of a foreign user."""
        ...

    async def unended(self, user: str, conversation_id: str) -> Sequence[JobRef]:
        """The conversation's jobs without an ending, even of a foreign user, oldest start first."""
        ...

    async def active(self, user: str) -> Sequence[str]:
        """The conversations in which this user has a running job."""
        ...

    async def timelines(self, asked: ListTimelines) -> Timelines:
        """Look at jobs, running or retained, without waking a parked one.

        A replica that does not answer in time is left out, and counted.
        """
        ...

    async def titled(self, user: str, conversation_id: str) -> None:
        """Return when the conversation's turns have ended and no title is in the making."""
        ...

    async def close_conversation(self, user: str, conversation_id: str) -> bool:
        """Stop what runs in a conversation, properly, and let go of all its jobs.

        Return whether there was a job.
        """
        ...

    async def discard(self, job_id: str) -> None:
        """Stop a job properly, if the job runs, and let go of the job."""
        ...

    async def ping(self) -> None:
        """Return if all parts needed by jobs can be used now."""
        ...


async def remove_conversation(
    jobs: Jobs, user: str, conversation_id: str, remove: Callable[[], Awaitable[None]]
) -> None:
    """Stop what runs in a conversation, and `remove` the conversation from the storage.

    A turn that starts meanwhile counts as started before: the turn is stopped as well, and removed
    with all that was stored for the turn.  On return no job of the conversation is left.

    Raises:
        StorageError: as `Jobs` and `remove` do; to repeat the call is safe.
    """
    await jobs.close_conversation(user, conversation_id)
    await remove()
    while await jobs.close_conversation(user, conversation_id):
        await remove()
