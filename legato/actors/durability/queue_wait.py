"""A turn's wait in the queue: kept in the journal, and changed there by whoever may.

The recorder waits here before it plans the turn.  One change is made at a time, and the log has a
change once the journal has it.
"""

from functools import partial

import structlog
import trio
from msgspec.structs import replace

from legato.actors.conversation.turn import Turn
from legato.actors.durability.job_journal import JobJournal
from legato.actors.mailbox import ActorRef
from legato.actors.messages import Ask, AwaitQueued, Enqueued, JobMessage
from legato.actors.queue.changes import TurnChanges, change_of
from legato.actors.queue.questions import EditWaiting, MoveToFront
from legato.actors.queue.turn_queue import TurnQueue
from legato.events import QueueChange, Queued
from legato.storage.contracts.errors import StorageError

log = structlog.get_logger()


class QueueWait:
    """One turn's wait.  `turn` is the turn as changed until now."""

    def __init__(
        self,
        job: ActorRef[JobMessage],
        turn: Turn,
        journal: JobJournal,
        waiting: TurnChanges,
        queue: TurnQueue,
        store_timeout: float,
    ) -> None:
        self.turn = turn
        self._job = job
        self._journal = journal
        self._waiting = waiting
        self._queue = queue
        self._store_timeout = store_timeout

    async def enter(self) -> None:
        """Raises StorageError where the journal does not keep the turn in time."""
        event = self.turn.queued()
        with trio.move_on_after(self._store_timeout) as time:
            await self._journal.keep(event)
        if time.cancelled_caught:
            raise StorageError("the journal takes nothing at the moment.")
        await self._tell_queued(event)

    async def rejoin(self) -> None:
        """Have the journal keep the rank that the turn has in the queue."""
        if (rank := await self._queue.rejoin(self.turn)) != self.turn.rank:
            await self._keep(replace(self.turn, rank=rank), None)

    async def over(self) -> None:
        """Return when the turn may begin; until then make all changes that are asked for."""
        while not await self._comes():
            await self._change()
        self._waiting.end()

    async def _tell_queued(self, event: Queued) -> None:
        await self._job.tell(Enqueued(event))
        # The next event to keep comes behind this event in the log.
        await self._job.ask(partial(Ask, AwaitQueued()))

    async def _comes(self) -> bool:
        """Wait until the turn may begin; false where a change is asked for first."""
        has_come = False

        async def come() -> None:
            nonlocal has_come
            await self._queue.come(self.turn)
            has_come = True
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(come)
            await self._waiting.asked()
            nursery.cancel_scope.cancel()
        return has_come

    async def _change(self) -> None:
        """Make the change that was asked for first."""
        change = self._waiting.change
        assert change is not None, "only this task takes changes away"
        if isinstance(change, EditWaiting):
            await self._keep(replace(self.turn, text=change.text), change_of(change))
        else:
            await self._move(change)

    async def _move(self, move: MoveToFront) -> None:
        try:
            rank = await self._queue.move_to_front(self.turn)
        except StorageError as error:
            log.warning("waiting turn not moved", job=self.turn.job_id, reason=str(error))
            self._waiting.refuse("unavailable")
            await self.rejoin()  # the move may have been made
            return
        if rank is None:
            self._waiting.refuse("not_waiting")
        else:
            await self._keep(replace(self.turn, rank=rank), change_of(move))

    async def _keep(self, turn: Turn, change: QueueChange | None) -> None:
        """Return when the journal and the log have the changed turn."""
        event = turn.queued(change)
        await self._journal.keep(event)
        self.turn = turn
        await self._tell_queued(event)
