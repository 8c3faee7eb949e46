"""Has the words that no model read asked as turns of their own, each once, whatever dies.

A job's ending is in the journal, and names these turns, before the turns are queued here.  The job
is marked as done after that.  So the next process finds a job without the mark, and queues the
turns again; a turn that is there already is known by its request's name.  Among replicas a turn in
the directory may have no log of its own yet: see `durability.promised`.
"""

from collections.abc import Sequence

from legato.actors.admission import ShuttingDown
from legato.actors.conversation.turn import Turn
from legato.actors.jobs import Jobs
from legato.actors.mailbox import ActorStopped
from legato.actors.queue.questions import NotWaiting
from legato.actors.ref import JobRef
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.records import Records


class FollowUps:
    """Queues turns for the jobs of a process.  `jobs` is set by whoever opens the process."""

    def __init__(self, records: Records) -> None:
        self.jobs: Jobs | None = None
        self._records = records

    async def queue(self, turns: Sequence[Turn]) -> bool:
        """Return once the turns are kept, before all others that wait in their conversation.

        False where this process is about to end, and the next one is to queue them.

        Raises:
            StorageError: where a turn cannot be kept now; to repeat the call is safe.
        """
        assert self.jobs is not None, "set before any job runs"
        try:
            started = [(turn, await self._started(turn, self.jobs)) for turn in turns]
        except ShuttingDown:
            return False
        for turn, job in reversed(started):
            if job is not None:
                await _moved(job, turn)
        return True

    async def _started(self, turn: Turn, jobs: Jobs) -> JobRef | None:
        """None where the turn was asked before, and its job has left."""
        if not await jobs.knows(turn) and await self._is_stored(turn):
            return None
        job = (await jobs.start(turn, "enqueue", was_accepted=True)).job
        try:
            await job.queued()
        except ActorStopped:
            raise StorageError("the turn went to another process before it was kept") from None
        return job

    async def _is_stored(self, turn: Turn) -> bool:
        assert turn.request_id is not None, "a steer names its turn"
        return await self._records.turn_of_request(turn.user, turn.request_id) is not None


async def _moved(job: JobRef, turn: Turn) -> None:
    """Return once the turn is in front, or begins.  Raises StorageError where neither is sure."""
    try:
        moved = await job.move_to_front(turn.request_id or "")
    except ActorStopped:
        raise StorageError("the turn went to another process before it was moved") from None
    if isinstance(moved, NotWaiting) and moved.reason == "unavailable":
        raise StorageError("the turn cannot be moved to the front now")
