"""Asks the owner of a job, at whichever replica, also while the owner changes."""

from collections.abc import Collection
from contextlib import suppress
from secrets import token_hex
from typing import Final, Protocol, TypeVar, cast

import trio

from legato.actors.cluster.link import LinkLost, MirrorInput
from legato.actors.cluster.mirror import Last, Mirrors
from legato.actors.cluster.protocol import LOG_DIALECT, Call, HasJob, Reply
from legato.actors.cluster.transport import Host, Transport
from legato.actors.inspection.timeline import ListTimelines, Timelines
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import AwaitEnding, Locate, Stop, StopReply
from legato.actors.question import Question
from legato.actors.ref import JobRef
from legato.actors.stream.places import OutOfReach, Start, UnknownDialect
from legato.actors.stream.sinks import Sink
from legato.events import Cursor
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.replication import JobInfo, Replication

A = TypeVar("A")

_LEAST_STOP_TIMEOUT: Final = 60.0  # seconds


def stop_timeout(lease: float, store_timeout: float) -> float:
    """Seconds for a stop to be answered: longer than a living owner needs to store the answer, and
    longer than until another replica has done so."""
    return max(_LEAST_STOP_TIMEOUT, 2 * (lease + store_timeout))


class LivenessWatch(Protocol):
    """Looks at the other replicas again and again."""

    @property
    def trouble(self) -> StorageError | None:
        """The reason why the replicas are out of reach; None while they are in reach."""
        ...

    async def looked(self) -> None:
        """Return after the next look at who is alive."""
        ...


class OwnerClient:
    """The directory names the owner of a job.  When an owner is gone, the entry changes, and until
    then every question waits."""

    def __init__(
        self,
        replication: Replication,
        host: Host,
        peers: Transport,
        heartbeat: LivenessWatch,
        stop_timeout: float,
    ) -> None:
        """`stop_timeout`: seconds, by the function of the same name."""
        self._me = replication.me
        self._directory = replication.directory
        self._liveness = replication.liveness
        self._host = host
        self._peers = peers
        self._heartbeat = heartbeat
        self._stop_timeout = stop_timeout

    async def owner(self, job_id: str, last: str | None = None) -> str:
        """Find the job's owner, a living replica.

        `last` is the owner at the last question, and still the owner if the directory lost the job:
        `last` will announce the job again.

        Raises:
            ActorStopped: if the job does not exist (any more).
        """
        if self._host.has(job_id):
            return self._me
        while True:
            with suppress(StorageError):  # a directory out of reach says nothing about the job
                entry = await self._directory.find(job_id)
                owner = entry.owner if entry else last
                if owner is None or (entry is None and not self._lives(owner)):
                    raise ActorStopped
                if self._lives(owner):
                    return owner
            await self._heartbeat.looked()

    async def ask(self, job_id: str, question: Question[A]) -> A:
        """Ask the owner, and each next owner, until the job has answered.

        Raises:
            ActorStopped: if the job does not exist (any more).
            OutOfReach, UnknownDialect: as the job refuses.
            StorageError: if the owner has the job and cannot answer.
        """
        reply = await self._reply(job_id, question)
        if reply.refusal == "out_of_reach":
            raise OutOfReach(reply.last)
        if reply.refusal == "unknown_dialect":
            raise UnknownDialect("Nobody speaks that dialect there.")
        return cast("A", reply.answer)  # the owner's answer to this very question

    async def _reply(self, job_id: str, question: Question[A]) -> Reply:
        owner = await self.owner(job_id)
        while True:
            reply = await self._answer(owner, job_id, question)
            if reply is None or reply.is_leaving:
                await self._heartbeat.looked()
            elif reply.fault is not None:
                raise StorageError(reply.fault)
            elif reply.is_known:
                return reply
            elif await self.owner(job_id) == owner:
                raise ActorStopped
            owner = await self.owner(job_id, owner)

    async def timelines(self, replica: str, asked: ListTimelines) -> Timelines | None:
        """The jobs of another replica; None where the answer was lost."""
        try:
            reply = await self._peers.ask(replica, "", asked)
        except LinkLost:
            return None
        return cast("Timelines | None", reply.answer)

    def others(self) -> Collection[str]:
        """The other living replicas, as of the last look."""
        return self._liveness.alive()

    async def stop(self, job_id: str) -> StopReply:
        """Raises StorageError, too, where the owner cannot be reached in time."""
        stop = Stop(token_hex(8))  # the same id at each repetition
        with trio.move_on_after(self._stop_timeout):
            return await self.ask(job_id, stop)
        raise StorageError("The process that runs the generation did not answer in time.")

    async def ended(self, job_id: str) -> None:
        """Return when the job has ended, or is gone."""
        with suppress(ActorStopped):
            await self.ask(job_id, AwaitEnding())

    async def checked(self, job_id: str, start: Start) -> Start:
        """See `Source`."""
        if not isinstance(start, Cursor):
            await self.ask(job_id, HasJob())
            return start
        try:
            await self.ask(job_id, Locate(LOG_DIALECT, start))
        except OutOfReach:
            return "snapshot"
        return start

    async def follow(
        self, job_id: str, start: Cursor | None, inlet: MirrorInput, last: Last
    ) -> str:
        """See `Source`."""
        owner = await self.owner(job_id, last.owner)
        if owner == last.owner and last.is_gone:
            raise ActorStopped
        if owner == self._me:
            with suppress(StorageError):  # a parked run, which the reader asks for again
                await self._host.local(job_id)
            raise ActorStopped
        self._peers.follow(owner, job_id, start, inlet)
        return owner

    def unfollow(self, inlet: MirrorInput) -> None:
        self._peers.unfollow(inlet)

    async def _answer(self, owner: str, job_id: str, question: Question[A]) -> Reply | None:
        """None where the question or its answer may be lost."""
        if owner == self._me:
            return await self._host.answer(Call.of(0, job_id, question))
        try:
            return await self._peers.ask(owner, job_id, question)
        except LinkLost:
            return None

    def _lives(self, replica: str) -> bool:
        return replica == self._me or replica in self._liveness.alive()


class ClusterRef(JobRef):
    """A job of any replica, including this one: its owner is looked up at each question."""

    def __init__(self, info: JobInfo, owners: OwnerClient, mirrors: Mirrors) -> None:
        self.job_id = info.job_id
        self.conversation_id = info.conversation_id
        self.user = info.user
        self.message_id = info.message_id
        self.response_id = info.response_id
        self._info = info
        self._owners = owners
        self._mirrors = mirrors

    async def ask(self, question: Question[A]) -> A:
        return await self._owners.ask(self.job_id, question)

    async def subscribe(self, dialect: str, start: Start, sink: Sink) -> None:
        await self._mirrors.subscribe(self._info, dialect, start, sink)

    async def stop(self) -> StopReply:
        return await self._owners.stop(self.job_id)
