"""What a replica answers when another asks for its jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

import trio

from legato.actors.cluster.failover import Failover
from legato.actors.cluster.protocol import (
    AskStatus,
    AskWhether,
    Awaited,
    AwaitJob,
    AwaitTitle,
    Discard,
    JobQuestion,
    LocatePlace,
    News,
    Question,
    Reply,
    StopJob,
)
from legato.actors.job import Job
from legato.actors.mailbox import ActorStopped
from legato.actors.ref import LocalRef
from legato.actors.stream.places import OutOfReach, UnknownDialect
from legato.actors.supervisor import Supervisor
from legato.events import Cursor


class OwnerServer:
    """The jobs of this replica, those included that are on their way: others can see in the
    directory that they are its own before they are here."""

    def __init__(self, supervisor: Supervisor, failover: Failover) -> None:
        self._supervisor = supervisor
        self._failover = failover
        self._entering: dict[str, trio.Event] = {}

    @property
    def entering_count(self) -> int:
        """How many jobs are about to be here."""
        return len(self._entering)

    @contextmanager
    def entering(self, job_id: str) -> Iterator[None]:
        """Until the block ends, whoever asks for the job waits."""
        entered = self._entering[job_id] = trio.Event()
        try:
            yield
        finally:
            del self._entering[job_id]
            entered.set()

    def hands_on(self, job_id: str) -> bool:
        """Whether this process, which is about to go, leaves that job to another."""
        return job_id in self._supervisor.handed_on

    def has(self, job_id: str) -> bool:
        return self._supervisor.registry.find(job_id) is not None

    async def local(self, job_id: str) -> LocalRef | None:
        job = await self._find(job_id)
        return job.ref if job else None

    async def answer(self, question: Question) -> Reply:
        if isinstance(question, AwaitTitle):
            await self._supervisor.titles.wait(question.conversation_id)
            return Reply(question.call_id)
        answer = None if self.hands_on(question.job_id) else await self._answer(question)
        if answer is not None:
            return answer
        if self.hands_on(question.job_id):  # by now: the question waited for the job
            return Reply(question.call_id, is_leaving=True)
        return Reply(question.call_id, is_known=False)

    async def _answer(self, question: JobQuestion) -> Reply | None:
        """None where this replica does not have the job, or not any more."""
        try:
            job = await self._find(question.job_id)
            return await self._ask(job, question) if job else None
        except ActorStopped:
            return None

    async def _find(self, job_id: str) -> Job | None:
        if (entered := self._entering.get(job_id)) is not None:
            await entered.wait()
        if job := self._supervisor.registry.find(job_id):
            return job
        await self._failover.arrived(job_id)
        return self._supervisor.registry.find(job_id)

    async def _ask(self, job: Job, question: JobQuestion) -> Reply | None:
        """None where the job went before it had an ending: it is another replica's now."""
        match question:
            case StopJob(call_id, _, stop_id):
                return Reply(call_id, stopped=await job.ref.stop(stop_id))
            case AskWhether(call_id):
                return Reply(call_id)
            case AskStatus(call_id):
                return Reply(call_id, status=await job.ref.status())
            case LocatePlace():
                return await self._locate(job, question)
            case AwaitJob(call_id, _, awaited):
                return Reply(call_id, news=await self._news(job.ref, awaited))
            case Discard(call_id):
                await self._supervisor.discard(job)
                return Reply(call_id)
            case _:
                assert_never(question)

    async def _locate(self, job: Job, question: LocatePlace) -> Reply:
        call_id, place = question.call_id, question.place
        at = Cursor.parse(place) if isinstance(place, str) else place
        try:
            return Reply(call_id, located=await job.ref.locate(question.dialect, at))
        except OutOfReach as error:
            return Reply(call_id, last=error.last)
        except UnknownDialect:
            return Reply(call_id, is_spoken=False)

    async def _news(self, job: LocalRef, awaited: Awaited) -> News | None:
        match awaited:
            case "queued":
                return await job.queued()
            case "opened":
                return await job.opened()
            case "content":
                return await job.answering()
            case "ending":
                return await job.ended()
            case _:
                assert_never(awaited)
