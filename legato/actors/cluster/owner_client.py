"""Asking the owner of a job, whichever replica that is, also while it changes hands."""

from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from typing import Final

import trio

from legato.actors.cluster.heartbeat import Heartbeat
from legato.actors.cluster.link import LinkLost, MirrorInput
from legato.actors.cluster.mirror import Last, Mirrors
from legato.actors.cluster.owner_server import OwnerServer
from legato.actors.cluster.protocol import (
    LOG_DIALECT,
    AskStatus,
    AskWhether,
    Awaited,
    AwaitJob,
    LocatePlace,
    News,
    Question,
    Reply,
    StopJob,
)
from legato.actors.cluster.transport import Transport
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Status, StopReply
from legato.actors.ref import time_of
from legato.actors.stream.feed import Start
from legato.actors.stream.places import Located, OutOfReach, UnknownDialect
from legato.actors.stream.sinks import Sink
from legato.events import AnyEnding, Created, Cursor, Queued
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.replicas import JobInfo, Replication

LEAST_STOP_TIMEOUT: Final = 60.0  # seconds


def stop_timeout(lease: float, store_timeout: float) -> float:
    """Seconds for a stop to be answered: more than an owner that lives needs to store the answer,
    and more than it takes until another replica has done so."""
    return max(LEAST_STOP_TIMEOUT, 2 * (lease + store_timeout))


class OwnerClient:
    """Who owns a job is in the directory; that changes when its owner is gone, and until then
    whoever asks waits."""

    def __init__(
        self,
        replication: Replication,
        host: OwnerServer,
        peers: Transport,
        heartbeat: Heartbeat,
        stop_timeout: float,
    ) -> None:
        """`stop_timeout`: the function of that name says how many seconds."""
        self._me = replication.me
        self._directory = replication.directory
        self._liveness = replication.liveness
        self._host = host
        self._peers = peers
        self._heartbeat = heartbeat
        self._stop_timeout = stop_timeout

    async def owner(self, job_id: str, last: str | None = None) -> str:
        """Find its owner, who lives.  `last` is who was it when it was asked last: that holds where
        the directory has lost the job, and `last` will tell it again.

        Raises:
            ActorStopped: if there is no such job (any more).
        """
        if self._host.has(job_id):
            return self._me
        while True:
            with suppress(StorageError):  # that it cannot be asked says nothing about the job
                entry = await self._directory.find(job_id)
                owner = entry.owner if entry else last
                if owner is None or (entry is None and not self._lives(owner)):
                    raise ActorStopped
                if self._lives(owner):
                    return owner
            await self._heartbeat.looked()

    async def ask(self, job_id: str, question: Callable[[int], Question]) -> Reply:
        """Raises:
        ActorStopped: if there is no such job (any more).
        StorageError: if its owner has it and cannot answer.
        """
        owner = await self.owner(job_id)
        while True:
            answer = await self._answer(owner, question)
            if answer is None or answer.is_leaving:
                await self._heartbeat.looked()
            elif answer.fault is not None:
                raise StorageError(answer.fault)
            elif answer.is_known:
                return answer
            elif await self.owner(job_id) == owner:
                raise ActorStopped
            owner = await self.owner(job_id, owner)

    async def stop(self, job_id: str) -> StopReply:
        """Raises StorageError, too, where its owner cannot be reached in time."""
        stop_id = token_hex(8)  # the same however often it has to be asked
        with trio.move_on_after(self._stop_timeout):
            answer = await self.ask(job_id, lambda call_id: StopJob(call_id, job_id, stop_id))
            assert answer.stopped is not None, "that is the answer to this question"
            return answer.stopped
        raise StorageError("The process that runs the generation did not answer in time.")

    async def status(self, job_id: str) -> Status:
        answer = await self.ask(job_id, lambda call_id: AskStatus(call_id, job_id))
        assert answer.status is not None, "that is the answer to this question"
        return answer.status

    async def news(self, job_id: str, awaited: Awaited) -> News | None:
        answer = await self.ask(job_id, lambda call_id: AwaitJob(call_id, job_id, awaited))
        return answer.news

    async def ended(self, job_id: str) -> None:
        """Return when it has ended, or is gone."""
        with suppress(ActorStopped):
            await self.news(job_id, "ending")

    async def checked(self, job_id: str, start: Start) -> Start:
        """See `Source`."""
        if not isinstance(start, Cursor):
            await self.ask(job_id, lambda call_id: AskWhether(call_id, job_id))
            return start
        try:
            await self.locate(job_id, LOG_DIALECT, start)
        except OutOfReach:
            return "snapshot"
        return start

    async def locate(self, job_id: str, dialect: str, place: Cursor | int) -> Located:
        """Raises ActorStopped, OutOfReach, UnknownDialect."""
        at = str(place) if isinstance(place, Cursor) else place
        answer = await self.ask(job_id, lambda call_id: LocatePlace(call_id, job_id, dialect, at))
        if not answer.is_spoken:
            raise UnknownDialect(f"Nobody speaks {dialect} there.")
        if answer.located is None:
            raise OutOfReach(answer.last)
        return answer.located

    async def follow(
        self, job_id: str, start: Cursor | None, inlet: MirrorInput, last: Last
    ) -> str:
        """See `Source`."""
        owner = await self.owner(job_id, last.owner)
        if owner == last.owner and last.is_gone:
            raise ActorStopped
        if owner == self._me:
            await self._host.local(job_id)
            raise ActorStopped
        self._peers.follow(owner, job_id, start, inlet)
        return owner

    def unfollow(self, inlet: MirrorInput) -> None:
        self._peers.unfollow(inlet)

    async def _answer(self, owner: str, question: Callable[[int], Question]) -> Reply | None:
        """None where the question or its answer may be lost."""
        if owner == self._me:
            return await self._host.answer(question(0))
        try:
            return await self._peers.ask(owner, question)
        except LinkLost:
            return None

    def _lives(self, replica: str) -> bool:
        return replica == self._me or replica in self._liveness.alive()


class ClusterRef:
    """A job of any replica, this one included: its owner is looked for at each question.

    Every method raises ActorStopped once the job has left.
    """

    def __init__(self, info: JobInfo, owners: OwnerClient, mirrors: Mirrors) -> None:
        self.job_id = info.job_id
        self.conversation_id = info.conversation_id
        self.user = info.user
        self.message_id = info.message_id
        self.response_id = info.response_id
        self._listing = info
        self._owners = owners
        self._mirrors = mirrors

    @property
    def created_at(self) -> int:
        return time_of(self.job_id)

    async def queued(self) -> Queued | Created | AnyEnding:
        """Wait until the turn is kept, or stored; the ending, where that came first."""
        news = await self._owners.news(self.job_id, "queued")
        assert news is not None, "something of that has come"
        return news

    async def opened(self) -> Created | AnyEnding:
        """Wait until the turn is stored; the ending, where it came first."""
        news = await self._owners.news(self.job_id, "opened")
        assert isinstance(news, Created | AnyEnding), "that is what was waited for"
        return news

    async def answering(self) -> AnyEnding | None:
        """Wait until the model has said something; the ending, where that came first."""
        news = await self._owners.news(self.job_id, "content")
        assert news is None or isinstance(news, AnyEnding), "that is what was waited for"
        return news

    async def ended(self) -> AnyEnding:
        """Wait for its ending."""
        news = await self._owners.news(self.job_id, "ending")
        assert isinstance(news, AnyEnding), "that is what was waited for"
        return news

    async def subscribe(self, dialect: str, start: Start, sink: Sink) -> None:
        """See `Feed.subscribe`."""
        await self._mirrors.subscribe(self._listing, dialect, start, sink)

    async def stop(self) -> StopReply:
        """End it.  On return the provider is closed, the partial answer stored, the ending said."""
        return await self._owners.stop(self.job_id)

    async def locate(self, dialect: str, place: Cursor | int) -> Located:
        """Where to go on from after `place`; see Locate.

        Raises:
            OutOfReach
        """
        return await self._owners.locate(self.job_id, dialect, place)

    async def status(self) -> Status:
        return await self._owners.status(self.job_id)
