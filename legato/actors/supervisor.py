"""The one nursery of all jobs of a process: what runs here runs there, and ends there."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import closing, suppress
from functools import partial

import structlog
import trio

from legato.actors.conversation.stores import turn_store
from legato.actors.conversation.titles import Titles
from legato.actors.conversation.turn import Turn
from legato.actors.durability.journal_writer import JournalWriter, NoJournal
from legato.actors.durability.parked import Parked
from legato.actors.durability.recording import Recording
from legato.actors.durability.recovered import Recovered
from legato.actors.durability.waking import reread
from legato.actors.ending import standing_of
from legato.actors.follow_ups import FollowUps
from legato.actors.job import Job
from legato.actors.mailbox import ActorStopped
from legato.actors.notices.observer import NoticeObserver
from legato.actors.notices.posting import LocalNotices, Notices
from legato.actors.production.absent_model import model_named
from legato.actors.production.rotation import Rotation
from legato.actors.queue.turn_queue import TurnQueue
from legato.actors.ref import JobRef, ParkedRef
from legato.actors.registry import Registry, RegistryEntry
from legato.actors.resources import JobEnv, JobObserver, JobResources, Telling
from legato.actors.statistics import Statistics
from legato.actors.supervision.contexts import detached
from legato.actors.supervision.crashes import RESTART_PAUSE, guarded, kept_alive
from legato.actors.supervision.drain import Drain
from legato.actors.supervision.local_queue import LocalQueue
from legato.actors.supervision.parking import Parking
from legato.actors.supervision.totals import JobTotals
from legato.content import Conversation
from legato.events import Failed
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Journal

log = structlog.get_logger()


class Supervisor(JobObserver[Job]):
    """Has jobs run, and knows all that are here; a crash of a job ends that job.

    `queue` decides between the turns that wait.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        resources: JobResources,
        *,
        hurried: trio.Event | None = None,
        journal: Journal | None = None,
        patience: float = 0.0,
        is_resumed: bool = False,
    ) -> None:
        """`hurried`: once set, nothing waits for storage.  `patience`: see JournalWriter;
        `is_resumed`: see Recording."""
        self.hurried = trio.Event() if hurried is None else hurried
        self._records, self.limits = resources.records, resources.limits
        self.titles = Titles(self._records, self.limits.title_timeout, self._titled)
        self.follow_ups = FollowUps(self._records)
        self.registry = Registry()
        self.queue: TurnQueue = LocalQueue(self.registry)
        self._nursery = nursery
        self._models = resources.models
        self._journal = journal
        self._writer = None if journal is None else JournalWriter(journal, patience=patience)
        self.parking = Parking(self.registry, self, resources.wall_clock, self.limits.store_timeout)
        self._env = self._env_of(resources, is_resumed=is_resumed)
        self.drain = Drain(nursery, self.registry, self.written, has_journal=journal is not None)
        self._totals = JobTotals()
        self.notices: Notices = LocalNotices()
        notices = NoticeObserver(lambda notice: self.notices.post(notice), resources.wall_clock)
        self._observers: list[JobObserver[Job]] = [self._totals, notices]
        if self._writer is not None:
            nursery.start_soon(kept_alive, self._writer.run, "journal")
            nursery.start_soon(kept_alive, self.parking.run, "waking")
            nursery.start_soon(kept_alive, self.parking.run_timer, "expiry")

    def _env_of(self, resources: JobResources, *, is_resumed: bool) -> JobEnv[Job]:
        return JobEnv(
            resources=resources,
            observer=self,
            writer=self._writer or NoJournal(),
            rotation=Rotation(),
            recording=Recording(
                store_of=partial(turn_store, records=resources.records),
                store_timeout=resources.limits.store_timeout,
                follow_up=self.follow_ups.queue,
                is_resumed=is_resumed,
            ),
            find=self.parking.find,
        )

    def check_journal(self) -> None:
        """Raises StorageError while the journal refuses what the writer has for it."""
        if self._writer is not None and self._writer.trouble is not None:
            raise StorageError(str(self._writer.trouble))

    def check_storage(self) -> None:
        """Raises StorageError while no turn can be stored, as far as is known."""
        self._records.check()
        self.check_journal()

    def observe(self, observer: JobObserver[Job]) -> None:
        """Have `observer` told from now on of every job that ends, leaves or is adopted."""
        self._observers.append(observer)

    def statistics(self) -> Statistics:
        return self._totals.with_those([*self.registry], self.registry.parked.values())

    def job_ids(self) -> Collection[str]:
        return [job.turn.job_id for job in self.registry]

    @property
    def journal(self) -> JournalWriter | None:
        return self._writer

    def whereis(self, stream_id: str) -> JobRef | None:
        """The job with this id, or a conversation's current job (see Registry)."""
        job = self.registry.entry(stream_id) or self.registry.current(stream_id)
        return self.ref_of(job) if job else None

    def ref_of(self, job: RegistryEntry) -> JobRef:
        return ParkedRef(job.turn, self.parking.find) if isinstance(job, Parked) else job.ref

    async def close_conversation(self, conversation_id: str) -> bool:
        """Stop a conversation's running jobs, properly, and let go of all its jobs.

        Jobs started meanwhile, too: on return, and until somebody waits, there is none.  Return
        whether there was a job.
        """
        had_any = False
        while jobs := self.registry.conversation(conversation_id):
            had_any = True
            await self.discard(next(iter(jobs)).turn.job_id)
        return had_any

    async def discard(self, job_id: str) -> None:
        """Stop a job, properly, and let go of the job once no later process can have it go on.

        Raises:
            StorageError: where the job is parked, and cannot be read now, or where the end of the
                job is not kept in time.
        """
        if (ref := await self.parking.find(job_id)) is not None:
            with suppress(ActorStopped):
                await ref.stop()
        # Looked up after the stop: a parked run is woken as a new job in order to be stopped.
        if job := self.registry.find(job_id):
            await job.ownership.over()
            job.ownership.leave()
            self._remove(job)

    async def written(self) -> None:
        """Return when the journal has all events said by now."""
        if self._writer is not None:
            await self._writer.written()

    async def settled(self) -> None:
        """Return when the journal has the endings, and all else that is urgent, said by now."""
        if self._writer is not None:
            await self._writer.settled()

    def create(
        self, turn: Turn, predecessors: Sequence[trio.Event] = (), *, queued: bool = False
    ) -> Job:
        """Make a job of the turn and have the job run, whatever is there already.

        The turn waits for the endings of the `predecessors`, or else, if `queued`, in the queue.
        """
        job = Job(turn, self._env)
        self._totals.started += 1
        self.registry.add(job)
        if queued:
            self.registry.queue(turn)
        live = partial(job.run, predecessors, self.queue if queued else None)
        detached().run(self._nursery.start_soon, self._own, job, live)
        return job

    def adopt(self, recovered: Iterable[Recovered | Parked]) -> None:
        """Take in jobs of a former process, for as long as if they had ended in this process."""
        entries = [
            each if isinstance(each, Parked) else Job(each.turn, self._env, each)
            for each in recovered
        ]
        waiting = [each for each in entries if not each.ended.is_set()]
        jobs = [each for each in entries if not isinstance(each, Parked)]
        ended = [job for job in jobs if job.ended.is_set()]
        for entry in (*waiting, *self._affordable(ended)):
            if former := self.registry.find(entry.turn.job_id):
                former.ownership.lose()  # other replicas owned the job meanwhile
            if isinstance(entry, Parked):
                self.parking.add(entry)
            else:
                self._take_in(entry)
        self._evict()

    def _take_in(self, job: Job) -> None:
        """Have a job run that was begun elsewhere, or ended there."""
        self.registry.add(job)
        if job.ended.is_set():
            self.job_adopted(job)
        elif not job.has_begun:
            self.registry.queue(job.turn)
        self._nursery.start_soon(self._own, job, partial(job.run, (), self.queue))

    async def reread(self, entries: Sequence[Parked]) -> Sequence[Recovered | None]:
        """See Waker."""
        assert self._journal is not None, "a run is parked in a journal"
        model_of = partial(model_named, self._models)
        return await reread(entries, self._journal, self._records, model_of)

    def unpark(self, entry: Parked, recovered: Recovered | None) -> None:
        """See Waker."""
        if self.drain.has_begun:
            raise StorageError("The server is shutting down, and leaves the run to the next one.")
        if recovered is None:
            self._leave(entry)
            return
        job = Job(recovered.turn, self._env, recovered, entry.ended)
        self._take_in(job)
        self._evict()

    def _affordable(self, jobs: Sequence[Job]) -> Iterable[Job]:
        """The newest jobs, as many as may be kept; the older ones are forgotten."""
        left = self.limits.max_retained_bytes
        kept: list[Job] = []
        for job in reversed(jobs):
            left -= job.bytes
            if left < 0 and kept:
                job.ownership.forget()
            else:
                kept.append(job)
        return reversed(kept)

    async def _own(self, job: Job, live: Callable[[], Awaitable[None]]) -> None:
        try:
            with closing(job), job.ownership.scope:
                name = job.turn.job_id
                await guarded(live, name) or await guarded(job.seal, name)
        finally:
            self._remove(job)

    def _remove(self, job: RegistryEntry) -> None:
        if self.registry.remove(job) and not isinstance(job, Parked):
            for observer in self._observers:
                observer.job_left(job)

    def stop_soon(self, jobs: Iterable[RegistryEntry]) -> None:
        """Have the jobs stopped, without waiting."""
        for job in jobs:
            self._nursery.start_soon(_stopped, self.ref_of(job))

    def lose(self, job: RegistryEntry) -> None:
        """Let go of a job that another replica owns."""
        if isinstance(job, Parked):
            self._leave(job)
        else:
            job.ownership.lose()

    def _leave(self, entry: Parked) -> None:
        """Let go of a parked run: nobody here waits for its ending any longer."""
        self.registry.remove(entry)
        entry.ended.set()

    def job_lost(self, job: Job) -> None:
        self.registry.remove(job)

    def job_parked(self, job: Job, entry: Parked) -> None:
        self.parking.add(entry)
        for observer in self._observers:
            observer.job_parked(job, entry)

    def job_adopted(self, job: Job) -> None:
        self.registry.ended(job)
        for observer in self._observers:
            observer.job_adopted(job)

    def job_read(self, job: Job) -> None:
        self.registry.read(job)
        self._evict()

    def job_said(self, job: Job, event: Telling) -> None:
        for observer in self._observers:
            observer.job_said(job, event)

    def job_ended(self, job: Job) -> None:
        ending = job.feed.ending
        log.info(
            "generation ended",
            job=job.turn.job_id,
            model=job.turn.model,
            standing=standing_of(ending),
            tokens=ending.usage.completion_tokens if ending else 0,
            seconds=round(trio.current_time() - job.timing.began, 2),
        )
        self.registry.ended(job)
        for observer in self._observers:
            observer.job_ended(job)
        if isinstance(ending, Failed) and job.opening is None:
            # nothing came of the job: the request may be tried again
            self.registry.forget_request(job)
        self._evict()
        if job.turn.prompt is None and (make := self.titles.due(ending, job.model)):
            self._nursery.start_soon(guarded, make, job.turn.job_id)

    def _titled(self, conversation: Conversation) -> None:
        for observer in self._observers:
            observer.conversation_titled(conversation)

    def _evict(self) -> None:
        for evicted in self.registry.evicted(self.limits.max_retained_bytes):
            evicted.ownership.leave()


async def _stopped(job: JobRef) -> None:
    """Stop a job, with as many tries as needed where it is parked: the next turn waits for the end.

    A job that has left meanwhile is as good as stopped.
    """
    while True:
        try:
            with suppress(ActorStopped):
                await job.stop()
            return
        except StorageError as error:
            log.warning("waiting run not stopped yet", job=job.job_id, reason=str(error))
            await trio.sleep(RESTART_PAUSE)
