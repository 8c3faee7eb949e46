"""A conversation's waiting turns from outside: the list in its order, and a turn begun at once."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from legato.actors.jobs import Jobs
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Standing
from legato.actors.queue.questions import NotWaiting, Waiting
from legato.actors.ref import JobRef


class QueuedTurn(NamedTuple):
    """A job whose turn waits, and the turn as true at the cursor there."""

    job: JobRef
    waiting: Waiting


class LiveTurns(NamedTuple):
    """A conversation's jobs without an ending: running jobs, and the queue in order."""

    running: Sequence[JobRef]
    queue: Sequence[QueuedTurn]


async def live_turns(jobs: Sequence[JobRef]) -> LiveTurns:
    """Ask all `jobs`, in the order of their starts; a job that has left is none any more."""
    running, queue = [], []
    for job in jobs:
        with suppress(ActorStopped):
            answer = await job.waiting()
            if isinstance(answer, Waiting):
                queue.append(QueuedTurn(job, answer))
            elif answer.standing in (Standing.RUNNING, Standing.REQUIRES_ACTION):
                running.append(job)
    return LiveTurns(running, sorted(queue, key=lambda each: each.waiting.rank))


async def send_now(jobs: Jobs, job: JobRef, change_id: str) -> Waiting | NotWaiting:
    """Have a waiting turn begin next, and stop what runs before, properly.

    Only what runs before the turn is stopped: a job that was seen to run before the turn was seen
    to wait in front of all others.  A repeated call whose turn has begun stops nothing.
    """
    moved = await job.move_to_front(change_id)
    if isinstance(moved, NotWaiting):
        return moved
    found = await live_turns(await jobs.unended(job.user, job.conversation_id))
    is_next = bool(found.queue) and found.queue[0].job.job_id == job.job_id
    if is_next and isinstance(await job.waiting(), Waiting):
        for each in found.running:
            with suppress(ActorStopped):
                await each.stop()
    return moved
