"""A job's times and counts, without a word of the job's question or answer."""

from collections.abc import Iterable
from heapq import nlargest
from typing import Literal, Self

from msgspec import Struct

from legato.actors.messages import Standing
from legato.actors.question import Question

JobStage = Literal["queued", "opening", "answering", "asking", "parked", "ending", "ended"]
"""`queued`: waits for the turns before.  `opening`: the question is being stored.  `asking`: waits
for an answer from outside; `parked`: the same, without a task.  `ending`: decided, not yet said."""


class JobCounts(Struct, frozen=True, kw_only=True):
    """`readers`: now, with one for all readers at each other replica.  `waiting`: bytes that wait
    for the slowest of them.  `lagged`: how often a reader took too little and had to ask again."""

    tool_calls: int
    asks: int
    steers: int
    readers: int
    waiting: int
    lagged: int


class JobTimes(Struct, frozen=True):
    """When the events came: each of `moments` is (milliseconds since 1970, last position by then).

    A moment lasts for `resolution` milliseconds.  Of the events up to position `unknown` no time is
    known: another process said them.
    """

    moments: tuple[tuple[int, int], ...]
    resolution: int
    unknown: int


class Timeline(Struct, frozen=True, kw_only=True):
    """Times are in milliseconds since 1970, and None where a thing has not happened, or happened in
    another process.

    `events`: the position of the last one, said by the owner of `epoch`.  `counts` and
    `agent_id` are None of a parked job.  `is_stored`: no write of the job is open.  `times` is
    there where asked for.
    """

    job_id: str
    conversation_id: str
    user: str
    model: str
    agent_id: str | None
    stage: JobStage
    standing: Standing
    created_at: int
    asked_at: int | None = None
    first_word_at: int | None = None
    ended_at: int | None = None
    epoch: int
    events: int
    counts: JobCounts | None = None
    is_stored: bool
    unsaved: bool = False
    times: JobTimes | None = None


class Timelines(Struct, frozen=True, tag=True):
    """`unheard`: how many other replicas did not answer in time."""

    jobs: tuple[Timeline, ...]
    unheard: int = 0

    @classmethod
    def newest(cls, found: Iterable[Timeline], most: int, unheard: int = 0) -> Self:
        """The newest `most` of `found`, those that run first."""
        ranked = nlargest(most, found, lambda each: (each.stage != "ended", each.job_id))
        return cls(tuple(ranked), unheard)


class ListTimelines(Question[Timelines], frozen=True):
    """The newest `most` jobs of `user`, or of everybody where None; those that run come first.

    With `job_id` the job of that id alone, with its times.
    """

    user: str | None = None
    job_id: str | None = None
    most: int = 100
