"""Counts of the jobs that have left, kept in passing, and added to those of the present jobs."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from legato.actors.durability.parked import Parked
from legato.actors.ending import standing_of
from legato.actors.job import Job
from legato.actors.lifecycle import State
from legato.actors.messages import Standing
from legato.actors.resources import JobObserver
from legato.actors.statistics import Statistics
from legato.histogram import Histogram

_FIRST_CONTENT: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
"""Seconds: a model nearby says something at once, a reasoning one thinks for a minute."""


class JobTotals(JobObserver[Job]):
    """The process's counts of jobs that have left."""

    def __init__(self) -> None:
        self.started = 0
        self._endings = Counter[Standing]()
        self._first_content = Histogram(_FIRST_CONTENT)
        self._events = 0
        self._lagged = 0

    def job_ended(self, job: Job) -> None:
        self._endings[standing_of(job.feed.ending)] += 1
        if job.timing.first_content is not None:
            self._first_content.add(job.timing.first_content)

    def job_left(self, job: Job) -> None:
        self._events += job.feed.log.tail
        self._lagged += job.feed.lagged

    def job_parked(self, job: Job, entry: Parked) -> None:
        self._lagged += job.feed.lagged

    def with_those(self, jobs: Sequence[Job], parked: Collection[Parked] = ()) -> Statistics:
        """All counts, where `jobs` and `parked` are here now."""
        events = sum(job.feed.log.tail for job in jobs) + sum(entry.tail for entry in parked)
        return Statistics(
            jobs=Counter([*(job.state for job in jobs), *[State.PARKED] * len(parked)]),
            readers=sum(job.feed.readers for job in jobs),
            started=self.started,
            endings=dict(self._endings),
            events=self._events + events,
            lagged=self._lagged + sum(job.feed.lagged for job in jobs),
            first_content=self._first_content,
        )
