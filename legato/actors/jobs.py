"""What the program asks of all jobs, whether this process has them all or is one of many."""

from collections.abc import Sequence
from typing import Protocol

from legato.actors.conversation.turn import Turn
from legato.actors.ref import JobRef
from legato.actors.supervisor import Started, Supervisor
from legato.config import OnBusy


class Jobs(Protocol):
    """Every method raises StorageError where others must be asked and cannot be; `start` also while
    it is known that no turn can be stored."""

    async def start(self, turn: Turn, on_busy: OnBusy) -> Started:
        """Start a turn, or join the job that its `request_id` started before.

        Raises:
            ForeignConversation: if the conversation has a job of another user.
            Refused: RequestReused, Busy, TooManyForUser, TooManyForServer or ShuttingDown.
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


class LocalJobs:
    """The jobs of a process that has them all: the supervisor knows everything, and at once."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    async def start(self, turn: Turn, on_busy: OnBusy) -> Started:
        if not self._supervisor.knows(turn):
            self._supervisor.check_storage()
        return self._supervisor.start(turn, on_busy)

    async def knows(self, turn: Turn) -> bool:
        return self._supervisor.knows(turn)

    async def expected(self, user: str, conversation_id: str) -> Sequence[str]:
        return self._supervisor.expected(conversation_id)

    async def whereis(self, user: str, stream_id: str) -> JobRef | None:
        return self._supervisor.whereis(stream_id)

    async def active(self, user: str) -> Sequence[str]:
        return self._supervisor.active(user)

    async def titled(self, user: str, conversation_id: str) -> None:
        await self._supervisor.titled(conversation_id)

    async def close_conversation(self, user: str, conversation_id: str) -> None:
        await self._supervisor.close_conversation(conversation_id)

    async def discard(self, job_id: str) -> None:
        if job := self._supervisor.registry.find(job_id):
            await self._supervisor.discard(job)

    async def ping(self) -> None:
        self._supervisor.check_journal()
