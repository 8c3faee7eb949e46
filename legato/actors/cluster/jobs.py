"""The jobs of many replicas, seen from a single replica, with a lone process's promises."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

import structlog
import trio
from msgspec.structs import replace

from legato.actors.admission import (
    Busy,
    StartLimits,
    check_same,
)
from legato.actors.cluster.directory_updates import DirectoryUpdates
from legato.actors.cluster.entering import EnteringJobs
from legato.actors.cluster.job_info import info_of
from legato.actors.cluster.mirror import Mirrors
from legato.actors.cluster.owner_client import ClusterRef, LivenessWatch, OwnerClient
from legato.actors.cluster.protocol import AwaitTitle, Discard
from legato.actors.conversation.turn import Turn, followed
from legato.actors.inspection.listing import timelines
from legato.actors.inspection.timeline import ListTimelines, Timelines
from legato.actors.job import Job
from legato.actors.jobs import Started
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import GetStatus
from legato.actors.ref import JobRef
from legato.actors.registry import RegistryEntry
from legato.actors.resources import JobObserver
from legato.actors.supervision.crashes import kept_alive
from legato.actors.supervisor import Supervisor
from legato.config import Limits, OnBusy
from legato.events import Failed
from legato.storage.contracts.errors import ForeignConversation, StorageError
from legato.storage.contracts.records import Records
from legato.storage.contracts.replication import (
    UNLIMITED,
    Directory,
    DirectoryEntry,
    Entered,
    JobInfo,
    Joined,
    NotEntered,
    QueueLimits,
    Replication,
)

_ENTER_TIMEOUT: Final = 15.0
"""Seconds for a start to be decided; it is not given up where its client leaves meanwhile."""

_LOOK_TIMEOUT: Final = 2.0
"""Seconds for all replicas to tell of their jobs: whoever looks again in a moment can do without
one that hangs."""

_RETRY: Final = 1.0  # seconds until an earlier turn's owner is asked once more

_JOB_ID_LENGTH: Final = 26  # of a ULID; a conversation's id is longer


class _EntryLimits(NamedTuple):
    """How many jobs a user may have, and how many turns may wait."""

    per_user: int
    queue: QueueLimits


_NO_LIMITS: Final = _EntryLimits(2**31, UNLIMITED)

log = structlog.get_logger()


class ClusterJobs(JobObserver[Job]):
    """Starts are decided in the directory, one after another; then the job is this replica's.

    The job waits here for the earlier turns of its conversation, at whichever replica they run.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        replication: Replication,
        supervisor: Supervisor,
        entering: EnteringJobs,
        owners: OwnerClient,
        mirrors: Mirrors,
        heartbeat: LivenessWatch,
        records: Records,
        limits: Limits,
    ) -> None:
        self._nursery = nursery
        self._me = replication.me
        self._directory: Directory = replication.directory
        self._supervisor = supervisor
        self._entering = entering
        self._owners = owners
        self._mirrors = mirrors
        self._heartbeat = heartbeat
        self._updates = DirectoryUpdates()
        self._records = records
        self._limits = limits
        self._start_limits = StartLimits(limits)
        supervisor.observe(self)
        nursery.start_soon(kept_alive, self._updates.run, "directory updates")

    async def start(self, turn: Turn, on_busy: OnBusy, *, was_accepted: bool = False) -> Started:
        self._supervisor.drain.check()
        self._supervisor.check_storage()
        self._check_reach()
        if not was_accepted:
            running = self._supervisor.registry.running_count() + self._entering.count
            self._start_limits.check_server(running)
        elif (former := await self._entered_before(turn.job_id)) is not None:
            return former
        limits = _NO_LIMITS if was_accepted else _limits_of(self._limits)
        with trio.move_on_after(_ENTER_TIMEOUT, shield=True), self._entering.enter(turn.job_id):
            while isinstance(entered := await self._enter(turn, on_busy, limits), Joined):
                if await self._is_there(entered.first):
                    check_same(entered.first.request_digest, turn.request_digest)
                    return Started(self._ref(entered.first), joined=True)
                await self._directory.withdraw(entered.first)
            if was_accepted:
                self._supervisor.drain.check()  # the next process has the turn begin
            return self._begin(replace(turn, place=entered.place), on_busy, entered)
        self._take_back(turn)
        raise StorageError("The replicas' directory did not answer in time.")

    def _take_back(self, turn: Turn) -> None:
        """Have the directory forget a turn that may have been entered.

        An accepted turn has the same id in each attempt, and the next attempt finds the turn.
        """
        if followed(turn) is None:
            self._soon(self._directory.withdraw, info_of(turn))

    async def _entered_before(self, job_id: str) -> Started | None:
        """The job of an accepted turn that this replica or another has entered before."""
        if (entry := await self._directory.find(job_id)) is None:
            return None
        if await self._is_there(entry.info):
            return Started(self._ref(entry.info), joined=True)
        if entry.owner != self._me:
            await self._directory.withdraw(entry.info)  # its owner did not hear of the entry
        return None

    def _check_reach(self) -> None:
        """Raises StorageError while the directory is out of reach: a start would wait in vain."""
        if self._heartbeat.trouble is not None:
            raise StorageError(str(self._heartbeat.trouble))

    async def _is_there(self, info: JobInfo) -> bool:
        """Whether an owner has the job; false if the owner did not hear of the job's entry."""
        try:
            await self._owners.ask(info.job_id, GetStatus())
        except ActorStopped:
            return False
        return True

    def _begin(self, turn: Turn, on_busy: OnBusy, entered: Entered) -> Started:
        if entered.queued:
            return Started(self._supervisor.create(turn, queued=True).ref, queued=True)
        endings = [self._ending(each) for each in entered.before]
        job = self._supervisor.create(turn, endings)
        if on_busy == "interrupt":
            for each in entered.before:
                self._until_done(self._stopped, each.job_id)
        return Started(job.ref)

    async def knows(self, turn: Turn) -> bool:
        if turn.request_id is None:
            return False
        return await self._directory.request(turn.user, turn.request_id) is not None

    async def expected(self, user: str, conversation_id: str) -> Sequence[str]:
        listed = await self._directory.conversation(user, conversation_id)
        return [
            message_id
            for each in listed
            if _is_running(each)
            for message_id in (each.info.message_id, each.info.response_id)
        ]

    async def whereis(self, user: str, stream_id: str) -> JobRef | None:
        if local := self._running_here(stream_id):
            return local
        if len(stream_id) == _JOB_ID_LENGTH:
            entry = await self._directory.find(stream_id)
            return self._ref(entry.info) if entry else None
        listed = await self._directory.conversation(user, stream_id)
        if not listed:
            await self._check_foreign(user, stream_id)
            return None
        return self._ref(_current(listed).info)

    async def unended(self, user: str, conversation_id: str) -> Sequence[JobRef]:
        listed = await self._directory.conversation(user, conversation_id)
        return [self._ref(each.info) for each in listed if _is_running(each)]

    async def active(self, user: str) -> Sequence[str]:
        return await self._directory.running(user)

    async def timelines(self, asked: ListTimelines) -> Timelines:
        found = [*timelines(self._supervisor.registry, asked).jobs]
        others = [*self._owners.others()]
        heard: list[str] = []

        async def look(replica: str) -> None:
            if (told := await self._owners.timelines(replica, asked)) is not None:
                heard.append(replica)
                found.extend(told.jobs)

        with trio.move_on_after(_LOOK_TIMEOUT):
            async with trio.open_nursery() as nursery:
                for replica in others:
                    nursery.start_soon(look, replica)
        return Timelines.newest(found, asked.most, len(others) - len(heard))

    async def titled(self, user: str, conversation_id: str) -> None:
        for each in await self._directory.conversation(user, conversation_id):
            await self._owners.ended(each.info.job_id)
            with suppress(ActorStopped):
                await self._owners.ask(each.info.job_id, AwaitTitle(conversation_id))

    async def close_conversation(self, user: str, conversation_id: str) -> bool:
        had_any = False
        while listed := await self._directory.conversation(user, conversation_id):
            had_any = True
            for each in listed:
                await self._discarded(each.info)
        return await self._supervisor.close_conversation(conversation_id) or had_any

    async def discard(self, job_id: str) -> None:
        if entry := await self._directory.find(job_id):
            await self._discarded(entry.info)

    async def ping(self) -> None:
        self._supervisor.check_journal()
        self._check_reach()

    async def _enter(self, turn: Turn, on_busy: OnBusy, most: _EntryLimits) -> Entered | Joined:
        info = info_of(turn)
        per_user, queue = most
        try:
            entered = await self._directory.enter(info, on_busy, max_per_user=per_user, queue=queue)
        except StorageError:
            self._take_back(turn)
            raise
        match entered:
            case NotEntered("busy"):
                raise Busy("The conversation is busy with another turn.")
            case NotEntered("queue_full"):
                raise self._start_limits.conversation_is_full()
            case NotEntered("too_many_queued"):
                raise self._start_limits.user_is_full()
            case NotEntered():
                raise self._start_limits.user_is_busy()
            case _:
                return entered

    def _running_here(self, stream_id: str) -> JobRef | None:
        """A job here by its id, or else the running job of a conversation."""
        job = self._supervisor.registry.entry(stream_id)
        if job is None:
            siblings = self._supervisor.registry.conversation(stream_id)
            job = next((each for each in siblings if _is_answering(each)), None)
        return self._ref(info_of(job.turn)) if job else None

    def _ref(self, info: JobInfo) -> JobRef:
        return ClusterRef(info, self._owners, self._mirrors)

    async def _check_foreign(self, user: str, conversation_id: str) -> None:
        conversation = await self._records.conversation(conversation_id)
        if conversation is not None and conversation.user != user:
            raise ForeignConversation(conversation_id)

    def _ending(self, info: JobInfo) -> trio.Event:
        """Make an event for the ending of a job, at whichever replica the job ends."""
        ended = trio.Event()
        self._until_done(self._await_end, info.job_id, ended)
        return ended

    def _until_done(self, work: Callable[..., Awaitable[None]], job_id: str, *more: object) -> None:
        """Do work about a job in a task of its own: a fault ends no more than one attempt."""
        done = partial(work, job_id, *more)
        self._nursery.start_soon(kept_alive, done, job_id)

    async def _await_end(self, job_id: str, ended: trio.Event) -> None:
        """Set `ended` when the job has ended.  An owner may be unable to answer."""
        while not ended.is_set():
            try:
                await self._owners.ended(job_id)
                ended.set()
            except StorageError as error:
                log.warning("the turn before is not heard of", job=job_id, reason=str(error))
                await trio.sleep(_RETRY)

    async def _stopped(self, job_id: str) -> None:
        """Stop the job, with as many tries as needed: the next turn waits for the ending."""
        while True:
            try:
                with suppress(ActorStopped):
                    await self._owners.stop(job_id)
                return
            except StorageError as error:
                log.warning("the turn before is not stopped", job=job_id, reason=str(error))
                await trio.sleep(_RETRY)

    async def _discarded(self, info: JobInfo) -> None:
        try:
            await self._owners.ask(info.job_id, Discard())
        except ActorStopped:
            await self._directory.withdraw(info)  # no owner is left who could

    # What the journal does not tell the directory.

    def job_adopted(self, job: Job) -> None:
        self.job_ended(job)

    def job_ended(self, job: Job) -> None:
        if job.opening is None:
            may_repeat = isinstance(job.feed.ending, Failed)
            self._soon(self._directory.void, info_of(job.turn), may_repeat=may_repeat)

    def job_left(self, job: Job) -> None:
        if job.opening is None and job.feed.ending is not None:
            self._soon(self._directory.withdraw, info_of(job.turn))

    def _soon(self, tell: Callable[..., Awaitable[None]], info: JobInfo, **facts: bool) -> None:
        self._updates.add(info.job_id, partial(tell, info, **facts))


def _limits_of(limits: Limits) -> _EntryLimits:
    queue = QueueLimits(limits.max_queued_jobs, limits.max_queued_jobs_per_user)
    return _EntryLimits(limits.max_running_jobs_per_user, queue)


def _is_running(entry: DirectoryEntry) -> bool:
    return entry.stage in ("waiting", "begun")


def _is_answering(job: RegistryEntry) -> bool:
    return job.has_begun and not job.ended.is_set()


def _current(listed: Sequence[DirectoryEntry]) -> DirectoryEntry:
    """As Registry.current says."""
    live = [each for each in listed if _is_running(each)]
    running = (each for each in live if each.rank is None)
    queued = sorted((each for each in live if each.rank is not None), key=_rank)
    begun = (each for each in reversed(listed) if each.stage == "ended")
    return next(chain(running, queued, begun, reversed(listed)))


def _rank(entry: DirectoryEntry) -> int:
    assert entry.rank is not None, "it waits"
    return entry.rank
