"""Bodies of the replies about jobs: times and counts, never words."""

from collections.abc import Sequence
from typing import Self

from msgspec import Struct

from legato.actors.inspection.timeline import JobCounts, JobStage, JobTimes, Timeline
from legato.actors.messages import Standing


class CountsReply(Struct, kw_only=True, rename="camel"):
    """`readers`: now; all readers at another process count as one.  `waitingBytes`: what waits for
    the slowest reader.  `lagged`: how often a reader took too little and had to ask again."""

    tool_calls: int
    asks: int
    steers: int
    readers: int
    waiting_bytes: int
    lagged: int

    @classmethod
    def of(cls, counts: JobCounts) -> Self:
        return cls(
            tool_calls=counts.tool_calls,
            asks=counts.asks,
            steers=counts.steers,
            readers=counts.readers,
            waiting_bytes=counts.waiting,
            lagged=counts.lagged,
        )


class TimesReply(Struct, rename="camel"):
    """When the events came.  Each of `moments` is [milliseconds since 1970, the number of the last
    event by then]; the moment lasts for `resolution` milliseconds.

    Of the events up to number `unknown` no time is known: another process said them.
    """

    moments: Sequence[tuple[int, int]]
    resolution: int
    unknown: int

    @classmethod
    def of(cls, times: JobTimes) -> Self:
        return cls(times.moments, times.resolution, times.unknown)


class JobReply(Struct, kw_only=True, rename="camel"):
    """A generation's times and counts.  Times are in milliseconds since 1970, and null where a
    thing has not happened, or happened in another process.

    `conversationId` is null where the generation is another user's.  `events`: the number of the
    last one.  `isStored`: nothing of it waits to be stored.  `counts` and `agentId` are null of a
    parked generation, which has no readers.
    """

    generation_id: str
    conversation_id: str | None
    user: str
    model: str
    agent_id: str | None
    stage: JobStage
    status: Standing
    created_at: int
    asked_at: int | None
    first_word_at: int | None
    ended_at: int | None
    epoch: int
    events: int
    counts: CountsReply | None
    is_stored: bool
    unsaved: bool
    times: TimesReply | None

    @classmethod
    def of(cls, job: Timeline, reader: str) -> Self:
        """The reply for `reader`, a user."""
        return cls(
            generation_id=job.job_id,
            conversation_id=job.conversation_id if job.user == reader else None,
            user=job.user,
            model=job.model,
            agent_id=job.agent_id,
            stage=job.stage,
            status=job.standing,
            created_at=job.created_at,
            asked_at=job.asked_at,
            first_word_at=job.first_word_at,
            ended_at=job.ended_at,
            epoch=job.epoch,
            events=job.events,
            counts=None if job.counts is None else CountsReply.of(job.counts),
            is_stored=job.is_stored,
            unsaved=job.unsaved,
            times=None if job.times is None else TimesReply.of(job.times),
        )


class JobsReply(Struct, rename="camel"):
    """The newest generations, those that run first.

    `now` is the server's time.  `seesEverybody`: `?everybody=true` is allowed to `user`, who asks.
    `unheard`: how many other processes did not answer in time, and may have more.
    """

    user: str
    now: int  # milliseconds since 1970
    sees_everybody: bool
    jobs: Sequence[JobReply]
    unheard: int


class JobsQuery(Struct, rename="camel"):
    """`everybody`: the generations of all users, for those whom `inspect_admins` names."""

    everybody: bool = False
