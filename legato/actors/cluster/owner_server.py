"""Answers the questions of other replicas about the jobs here."""

from collections.abc import Collection
from typing import Protocol

from legato.actors.cluster.entering import EnteringJobs
from legato.actors.cluster.protocol import AwaitTitle, Call, Discard, HasJob, OwnerQuestion, Reply
from legato.actors.inspection.listing import timelines
from legato.actors.inspection.timeline import ListTimelines
from legato.actors.mailbox import ActorStopped
from legato.actors.ref import LocalRef
from legato.actors.stream.places import OutOfReach, UnknownDialect
from legato.actors.supervisor import Supervisor
from legato.storage.contracts.errors import StorageError


class _Arrivals(Protocol):
    """The jobs of dead replicas on their way to this replica: see Failover."""

    @property
    def handed_on(self) -> Collection[str]:
        """The ids of jobs for the next owner: each came when this replica was about to go."""
        ...

    async def arrived(self, job_id: str) -> None:
        """Return when the job is here, if the job is to come."""
        ...


class OwnerServer:
    """The jobs of this replica, including jobs under way: in the directory, other replicas see this
    replica as the owner before a job is here."""

    def __init__(self, supervisor: Supervisor, arrivals: _Arrivals, entering: EnteringJobs) -> None:
        self._supervisor = supervisor
        self._arrivals = arrivals
        self._entering = entering

    def hands_on(self, job_id: str) -> bool:
        """Whether this process, which is about to go, leaves the job to another replica."""
        supervisor = self._supervisor
        is_left = supervisor.drain.has_begun and job_id in supervisor.registry.parked
        return is_left or job_id in supervisor.drain.handed_on or job_id in self._arrivals.handed_on

    def has(self, job_id: str) -> bool:
        return self._supervisor.registry.entry(job_id) is not None

    async def local(self, job_id: str) -> LocalRef | None:
        """Find a job that is here or about to be, waking a parked one.

        Raises:
            StorageError: where a parked run cannot be read now.
        """
        await self._entering.wait(job_id)
        if job := await self._supervisor.parking.find(job_id):
            return job
        await self._arrivals.arrived(job_id)
        return await self._supervisor.parking.find(job_id)

    async def answer(self, call: Call) -> Reply:
        question = call.question
        if isinstance(question, AwaitTitle):
            await self._supervisor.titles.wait(question.conversation_id)
            return Reply(call.call_id)
        if isinstance(question, ListTimelines):
            return Reply(call.call_id, timelines(self._supervisor.registry, question))
        reply = None if self.hands_on(call.job_id) else await self._answer(call, question)
        if reply is not None:
            return reply
        if self.hands_on(call.job_id):  # by now: the question waited for the job
            return Reply(call.call_id, is_leaving=True)
        return Reply(call.call_id, is_known=False)

    async def _answer(self, call: Call, question: OwnerQuestion) -> Reply | None:
        """None where this replica does not have the job, or not any more."""
        try:
            job = await self.local(call.job_id)
            return await self._ask(job, call.call_id, question) if job else None
        except ActorStopped:
            return None
        except StorageError as error:
            return None if self.hands_on(call.job_id) else Reply(call.call_id, fault=str(error))

    async def _ask(self, job: LocalRef, call_id: int, question: OwnerQuestion) -> Reply:
        """Raises ActorStopped where the job left before answering: another replica owns it."""
        match question:
            case HasJob():
                return Reply(call_id)
            case Discard():
                await self._supervisor.discard(job.job_id)
                return Reply(call_id)
            case _:
                try:
                    return Reply(call_id, await job.ask(question))
                except OutOfReach as error:
                    return Reply(call_id, refusal="out_of_reach", last=error.last)
                except UnknownDialect:
                    return Reply(call_id, refusal="unknown_dialect")
