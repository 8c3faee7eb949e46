"""What jobs do and did, in numbers: counted in passing, and read when somebody asks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from legato.actors.ending import standing_of
from legato.actors.job import Job, JobObserver
from legato.actors.lifecycle import State
from legato.actors.messages import Standing
from legato.histogram import Histogram

_FIRST_CONTENT: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
"""Seconds: a model nearby says something at once, a reasoning one thinks for a minute."""


class Statistics(Struct, frozen=True):
    """Of the jobs of one process.  What is called a number of all counts from its beginning."""

    jobs: Mapping[State, int]  # that are there now
    readers: int  # now, those for readers of other replicas among them
    started: int  # of all
    endings: Mapping[Standing, int]  # of all
    events: int  # of all, with those that came with jobs which were taken over
    lagged: int  # of all: readers that were dropped, to ask again
    first_content: Histogram  # from asking a model to its first word


class JobTotals(JobObserver):
    """What a process remembers of jobs that have left it."""

    def __init__(self) -> None:
        self.started = 0
        self._endings = Counter[Standing]()
        self._first_content = Histogram(_FIRST_CONTENT)
        self._events = 0
        self._lagged = 0

    def job_ended(self, job: Job) -> None:
        self._endings[standing_of(job.feed.ending)] += 1
        if job.first_content is not None:
            self._first_content.add(job.first_content)

    def job_left(self, job: Job) -> None:
        self._events += job.feed.log.tail
        self._lagged += job.feed.lagged

    def with_those(self, jobs: Sequence[Job]) -> Statistics:
        """All of it, where `jobs` are those that are there."""
        return Statistics(
            jobs=Counter(job.state for job in jobs),
            readers=sum(job.feed.readers for job in jobs),
            started=self.started,
            endings=dict(self._endings),
            events=self._events + sum(job.feed.log.tail for job in jobs),
            lagged=self._lagged + sum(job.feed.lagged for job in jobs),
            first_content=self._first_content,
        )
