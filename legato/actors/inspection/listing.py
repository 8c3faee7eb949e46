"""The timelines of the jobs that a process has: read in one go, without waking or waiting."""

from collections.abc import Iterable
from heapq import nlargest
from itertools import islice
from operator import attrgetter
from typing import Final

from legato.actors.durability.parked import Parked
from legato.actors.ending import standing_of
from legato.actors.inspection.timeline import (
    JobCounts,
    JobStage,
    JobTimes,
    ListTimelines,
    Timeline,
    Timelines,
)
from legato.actors.job import Job
from legato.actors.lifecycle import State
from legato.actors.messages import Standing
from legato.actors.ref import time_of
from legato.actors.registry import Registry, RegistryEntry
from legato.events import Snapshot

_STAGES: Final[dict[State, JobStage]] = {
    State.OPENING: "opening",
    State.RUNNING: "answering",
    State.ENDING: "ending",
    State.STORING: "ending",
    State.ENDED: "ended",
    State.PARKED: "parked",
}


def timelines(registry: Registry, asked: ListTimelines) -> Timelines:
    """The jobs here that are asked for."""
    if asked.job_id is not None:
        entry = registry.entry(asked.job_id)
        found = entry is not None and asked.user in (None, entry.turn.user)
        return Timelines((_timeline(entry, is_timed=True),) if entry and found else ())
    unended = registry.unended() if asked.user is None else registry.running(asked.user)
    running = nlargest(asked.most, unended, attrgetter("turn.job_id"))
    ended = islice(_of(asked.user, registry.ended_jobs()), asked.most - len(running))
    return Timelines.newest(map(_timeline, [*running, *ended]), asked.most)


def _of(user: str | None, entries: Iterable[RegistryEntry]) -> Iterable[RegistryEntry]:
    """The entries of `user`; all of them for None."""
    return entries if user is None else (each for each in entries if each.turn.user == user)


def _timeline(entry: RegistryEntry, *, is_timed: bool = False) -> Timeline:
    return _of_parked(entry) if isinstance(entry, Parked) else _of_job(entry, is_timed=is_timed)


def _of_parked(entry: Parked) -> Timeline:
    turn = entry.turn
    return Timeline(
        job_id=turn.job_id,
        conversation_id=turn.conversation_id,
        user=turn.user,
        model=turn.model,
        agent_id=None,  # the entry keeps no agents
        stage="parked",
        standing=Standing.REQUIRES_ACTION,
        created_at=time_of(turn.job_id),
        epoch=entry.epoch,
        events=entry.tail,
        is_stored=True,
    )


def _of_job(job: Job, *, is_timed: bool) -> Timeline:
    turn, feed, snapshot = job.turn, job.feed, job.feed.snapshot()
    is_asking = bool(snapshot.open_asks)
    asked_at, first_content = job.timing.asked_at, job.timing.first_content
    first_word = None
    if asked_at is not None and first_content is not None:
        first_word = asked_at + first_content
    return Timeline(
        job_id=turn.job_id,
        conversation_id=turn.conversation_id,
        user=turn.user,
        model=turn.model,
        agent_id=_agent_of(job),
        stage=_stage(job, is_asking=is_asking),
        standing=standing_of(feed.ending, is_asking=is_asking),
        created_at=time_of(turn.job_id),
        asked_at=_at(job, asked_at),
        first_word_at=_at(job, first_word),
        ended_at=_at(job, job.timing.ended_at),
        epoch=feed.epoch,
        events=feed.log.tail,
        counts=_counts(job, snapshot),
        is_stored=job.ownership.is_stored,
        unsaved=feed.ending is not None and feed.ending.unsaved,
        times=_times(job) if is_timed else None,
    )


def _agent_of(job: Job) -> str | None:
    """The agent that answers; the turn names the agent first, and only until the ending."""
    if (created := job.feed.created) is not None:
        return None if created.agent is None else created.agent.id
    return job.turn.agent.id if job.turn.agent else None


def _stage(job: Job, *, is_asking: bool) -> JobStage:
    if job.state is State.OPENING and job.feed.queued is not None:
        return "queued"
    if job.state is State.RUNNING and is_asking:
        return "asking"
    return _STAGES[job.state]


def _counts(job: Job, snapshot: Snapshot) -> JobCounts:
    return JobCounts(
        tool_calls=sum(step.kind == "tool_call" for step in snapshot.steps),
        asks=len(snapshot.asks),
        steers=len(snapshot.steers),
        readers=job.feed.readers,
        waiting=job.feed.waiting,
        lagged=job.feed.lagged,
    )


def _times(job: Job) -> JobTimes:
    events = job.timing.events
    moments = tuple((_ms(job, each.at), each.seq) for each in events.moments())
    return JobTimes(moments, round(events.resolution * 1000), events.unknown)


def _at(job: Job, time: float | None) -> int | None:
    return None if time is None else _ms(job, time)


def _ms(job: Job, time: float) -> int:
    """A time by the job's clock in milliseconds since 1970."""
    return round((time + job.timing.offset) * 1000)
