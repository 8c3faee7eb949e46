"""The jobs of a process without other replicas."""

from collections.abc import Sequence

from legato.actors.conversation.turn import Turn
from legato.actors.inspection.listing import timelines
from legato.actors.inspection.timeline import ListTimelines, Timelines
from legato.actors.jobs import Started
from legato.actors.ref import JobRef
from legato.actors.supervisor import Supervisor, running
from legato.config import OnBusy


class LocalJobs:
    """Answers as `Jobs` does: the supervisor knows everything, and at once."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    async def start(self, turn: Turn, on_busy: OnBusy, *, was_accepted: bool = False) -> Started:
        if not self._supervisor.knows(turn):
            self._supervisor.check_storage()
            if on_busy == "interrupt":
                await self._supervisor.wake_conversation(turn.conversation_id)
        return self._supervisor.start(turn, on_busy, was_accepted=was_accepted)

    async def knows(self, turn: Turn) -> bool:
        return self._supervisor.knows(turn)

    async def expected(self, user: str, conversation_id: str) -> Sequence[str]:
        return self._supervisor.expected(conversation_id)

    async def whereis(self, user: str, stream_id: str) -> JobRef | None:
        return self._supervisor.whereis(stream_id)

    async def unended(self, user: str, conversation_id: str) -> Sequence[JobRef]:
        jobs = self._supervisor.registry.conversation(conversation_id)
        return [self._supervisor.ref_of(job) for job in running(jobs)]

    async def active(self, user: str) -> Sequence[str]:
        return self._supervisor.active(user)

    async def timelines(self, asked: ListTimelines) -> Timelines:
        return timelines(self._supervisor.registry, asked)

    async def titled(self, user: str, conversation_id: str) -> None:
        await self._supervisor.titled(conversation_id)

    async def close_conversation(self, user: str, conversation_id: str) -> None:
        await self._supervisor.close_conversation(conversation_id)

    async def discard(self, job_id: str) -> None:
        await self._supervisor.discard(job_id)

    async def ping(self) -> None:
        self._supervisor.check_journal()
