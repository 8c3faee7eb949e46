"""The jobs of a process without other replicas, and the place where starts are decided there."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec.structs import replace

from legato.actors.admission import Busy, StartLimits, check_same
from legato.actors.conversation.turn import Turn
from legato.actors.durability.parked import Parked
from legato.actors.inspection.listing import timelines
from legato.actors.inspection.timeline import ListTimelines, Timelines
from legato.actors.jobs import Started
from legato.actors.ref import JobRef
from legato.actors.registry import RegistryEntry
from legato.actors.supervisor import Supervisor
from legato.config import OnBusy
from legato.storage.contracts.errors import ForeignConversation


class LocalJobs:
    """Answers as `Jobs` does: the supervisor knows everything, and at once.

    Starts are decided in turn, without a lock, because `start_now` never waits.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._registry = supervisor.registry
        self._limits = StartLimits(supervisor.limits)

    async def start(self, turn: Turn, on_busy: OnBusy, *, was_accepted: bool = False) -> Started:
        if not self._knows(turn):
            self._supervisor.check_storage()
            if on_busy == "interrupt":  # a parked run is stopped as a job
                for job in [*self._registry.conversation(turn.conversation_id)]:
                    await self._supervisor.parking.find(job.turn.job_id)
        return self.start_now(turn, on_busy, was_accepted=was_accepted)

    def start_now(self, turn: Turn, on_busy: OnBusy, *, was_accepted: bool = False) -> Started:
        """Start a turn, or join the job that the same `request_id` started before.

        A turn begins when the former turns of its conversation have ended; the job does the
        waiting.  `was_accepted`: see Jobs.

        Raises:
            ForeignConversation: if the conversation has a job of another user.
            StartRefused: Busy, TooManyForUser, TooManyForServer, QueueFull or ShuttingDown.
        """
        if first := self._registry.repeated(turn):
            check_same(first.turn.request_digest, turn.request_digest)
            return Started(self._supervisor.ref_of(first), joined=True)
        siblings = self._registry.conversation(turn.conversation_id)
        if any(job.turn.user != turn.user for job in siblings):
            raise ForeignConversation(turn.conversation_id)
        before = list(_running(siblings))
        if before and on_busy == "reject":
            raise Busy("The conversation is busy with another turn.")
        interrupted = before if on_busy == "interrupt" else []
        self._supervisor.drain.check()
        if not was_accepted:
            self._check_limits(turn.user, interrupted)
        if before and on_busy == "enqueue":
            if not was_accepted:
                self._check_queue(turn.user, siblings)
            return self._enqueue(turn, siblings)
        self._supervisor.stop_soon(interrupted)
        job = self._supervisor.create(turn, [job.ended for job in before])
        return Started(job.ref)

    def _check_limits(self, user: str, interrupted: Sequence[RegistryEntry]) -> None:
        self._limits.check_user(len(self._registry.running(user)) - len(interrupted))
        leaving = sum(not isinstance(job, Parked) for job in interrupted)
        self._limits.check_server(self._registry.running_count() - leaving)

    def _check_queue(self, user: str, siblings: Collection[RegistryEntry]) -> None:
        of_user = self._registry.queued(self._registry.running(user))
        self._limits.check_queue(len(self._registry.queued(siblings)), len(of_user))

    def _enqueue(self, turn: Turn, siblings: Collection[RegistryEntry]) -> Started:
        place = 1 + max(job.turn.place for job in siblings)
        job = self._supervisor.create(replace(turn, place=place), queued=True)
        return Started(job.ref, queued=True)

    async def knows(self, turn: Turn) -> bool:
        return self._knows(turn)

    def _knows(self, turn: Turn) -> bool:
        return self._registry.repeated(turn) is not None

    async def expected(self, user: str, conversation_id: str) -> Sequence[str]:
        jobs = _running(self._registry.conversation(conversation_id))
        return [each for job in jobs for each in (job.turn.message_id, job.turn.response_id)]

    async def whereis(self, user: str, stream_id: str) -> JobRef | None:
        return self._supervisor.whereis(stream_id)

    async def unended(self, user: str, conversation_id: str) -> Sequence[JobRef]:
        jobs = self._registry.conversation(conversation_id)
        return [self._supervisor.ref_of(job) for job in _running(jobs)]

    async def active(self, user: str) -> Sequence[str]:
        jobs = self._registry.running(user)
        return list(dict.fromkeys(job.turn.conversation_id for job in jobs))

    async def timelines(self, asked: ListTimelines) -> Timelines:
        return timelines(self._registry, asked)

    async def titled(self, user: str, conversation_id: str) -> None:
        for job in list(_running(self._registry.conversation(conversation_id))):
            await job.ended.wait()
        await self._supervisor.titles.wait(conversation_id)

    async def close_conversation(self, user: str, conversation_id: str) -> bool:
        return await self._supervisor.close_conversation(conversation_id)

    async def discard(self, job_id: str) -> None:
        await self._supervisor.discard(job_id)

    async def ping(self) -> None:
        self._supervisor.check_journal()


def _running(jobs: Iterable[RegistryEntry]) -> Iterator[RegistryEntry]:
    return (job for job in jobs if not job.ended.is_set())
