"""The jobs of this process: by id, by conversation, by user, by bytes of memory.

A parked run has an entry in the place of its job, and counts as running for its conversation and
its user.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain, islice

from legato.actors.conversation.turn import Turn
from legato.actors.durability.parked import Parked
from legato.actors.job import Job

RegistryEntry = Job | Parked


class Registry:
    """Plain bookkeeping: no method waits, and none fails on a job that is not there."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._parked: dict[str, Parked] = {}
        self._conversations: defaultdict[str, dict[str, RegistryEntry]] = defaultdict(dict)
        self._running: defaultdict[str, dict[str, RegistryEntry]] = defaultdict(dict)
        self._requests: dict[tuple[str, str], RegistryEntry] = {}
        self._retained: dict[str, tuple[Job, int]] = {}  # oldest ending first
        self._retained_bytes = 0
        self._ranks: dict[str, int] = {}  # of the turns that wait in a queue

    def add(self, job: RegistryEntry) -> None:
        """Add a job or an entry; one of the same id gives its place up."""
        turn = job.turn
        self._jobs.pop(turn.job_id, None)
        self._parked.pop(turn.job_id, None)
        if isinstance(job, Parked):
            self._parked[turn.job_id] = job
        else:
            self._jobs[turn.job_id] = job
        self._conversations[turn.conversation_id][turn.job_id] = job
        self._running[turn.user][turn.job_id] = job
        if turn.request_id is not None:
            self._requests[turn.user, turn.request_id] = job

    def ended(self, job: Job) -> None:
        self._ranks.pop(job.turn.job_id, None)
        _discard(self._running, job.turn.user, job.turn.job_id)
        self._retain(job)

    def read(self, job: Job) -> None:
        """Count the job's memory anew: an ended job makes pages for its readers."""
        if job.turn.job_id in self._retained:
            self._retain(job)

    def _retain(self, job: Job) -> None:
        """Put the job in its place, if it has a place: the oldest ending stays the first."""
        _, former = self._retained.get(job.turn.job_id, (job, 0))
        size = job.bytes
        self._retained[job.turn.job_id] = job, size
        self._retained_bytes += size - former

    def remove(self, job: RegistryEntry) -> bool:
        """Whether the job was there."""
        turn = job.turn
        if self.entry(turn.job_id) is not job:
            return False
        self._jobs.pop(turn.job_id, None)
        self._parked.pop(turn.job_id, None)
        if turn.job_id in self._retained:
            self._retained_bytes -= self._retained.pop(turn.job_id)[1]
        self.forget_request(job)
        self._ranks.pop(turn.job_id, None)
        _discard(self._running, turn.user, turn.job_id)
        _discard(self._conversations, turn.conversation_id, turn.job_id)
        return True

    def queue(self, turn: Turn) -> None:
        """Note that the turn waits, with `turn.rank`."""
        self._ranks[turn.job_id] = turn.rank

    def unqueue(self, job_id: str) -> None:
        """Note that the turn waits no more."""
        self._ranks.pop(job_id, None)

    def rank(self, job_id: str) -> int | None:
        """The rank of a turn that waits in a queue."""
        return self._ranks.get(job_id)

    def queued(self, jobs: Iterable[RegistryEntry]) -> list[RegistryEntry]:
        """Those jobs whose turns wait in a queue, the next one first."""
        return sorted((job for job in jobs if job.turn.job_id in self._ranks), key=self.order)

    def order(self, job: RegistryEntry) -> tuple[int, int]:
        """The rank and the place of a turn that waits in a queue: the lowest one is next."""
        return self._ranks[job.turn.job_id], job.turn.place

    def current(self, conversation_id: str) -> RegistryEntry | None:
        """The first running job, else the waiting turn that is next, else the last begun job, else
        the last job.

        A turn that was moved to the front runs before turns that were started earlier.
        """
        jobs = list(self.conversation(conversation_id))
        live = [job for job in jobs if not job.ended.is_set()]
        running = (job for job in live if job.turn.job_id not in self._ranks)
        begun = (job for job in reversed(jobs) if job.has_begun)
        return next(chain(running, self.queued(live), begun, reversed(jobs)), None)

    def forget_request(self, job: RegistryEntry) -> None:
        """Let the same request start another job."""
        if self.repeated(job.turn) is job and job.turn.request_id is not None:
            del self._requests[job.turn.user, job.turn.request_id]

    def __iter__(self) -> Iterator[Job]:
        """The jobs, without the parked runs."""
        return iter(self._jobs.values())

    def find(self, job_id: str) -> Job | None:
        """A job with a task; None, too, where the run is parked."""
        return self._jobs.get(job_id)

    def entry(self, job_id: str) -> RegistryEntry | None:
        return self._jobs.get(job_id) or self._parked.get(job_id)

    @property
    def parked(self) -> Mapping[str, Parked]:
        """The parked runs, by their ids."""
        return self._parked

    def repeated(self, turn: Turn) -> RegistryEntry | None:
        """The job started before by the same request."""
        if turn.request_id is None:
            return None
        return self._requests.get((turn.user, turn.request_id))

    def conversation(self, conversation_id: str) -> Collection[RegistryEntry]:
        """Its jobs, in the order of their starts."""
        return self._conversations.get(conversation_id, {}).values()

    def running(self, user: str) -> Collection[RegistryEntry]:
        return self._running.get(user, {}).values()

    def all_running(self) -> Iterator[Job]:
        """The jobs with a task that have not ended."""
        for jobs in self._running.values():
            yield from (job for job in jobs.values() if not isinstance(job, Parked))

    def unended(self) -> Iterator[RegistryEntry]:
        """The jobs that have not ended, parked runs included."""
        for jobs in self._running.values():
            yield from jobs.values()

    def ended_jobs(self) -> Iterator[Job]:
        """The jobs that have ended, the newest ending first."""
        return (job for job, _ in reversed(self._retained.values()))

    def running_count(self) -> int:
        """How many jobs have a task and have not ended."""
        return sum(map(len, self._running.values())) - len(self._parked)

    def evicted(self, max_bytes: int) -> list[Job]:
        """The jobs to let go, oldest ending first, until the rest keep at most `max_bytes`.

        The newest job stays whatever its size, because readers still read the job's end.  A job
        which is not stored yet stays as well, because the answer is nowhere else.
        """
        excess = self._retained_bytes - max_bytes
        evicted = []
        for job, size in islice(self._retained.values(), max(0, len(self._retained) - 1)):
            if excess <= 0:
                break
            if job.ownership.is_stored:
                excess -= size
                evicted.append(job)
        return evicted


def _discard(table: defaultdict[str, dict[str, RegistryEntry]], key: str, job_id: str) -> None:
    table[key].pop(job_id, None)
    if not table[key]:
        del table[key]
