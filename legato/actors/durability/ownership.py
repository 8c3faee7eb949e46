"""How a process has one job, and the ways in which the process lets go of the job."""

from collections.abc import Callable

import trio

from legato.actors.durability.job_journal import JobJournal
from legato.actors.durability.open_writes import OpenWrites
from legato.config import Limits
from legato.storage.contracts.errors import StorageError


class Ownership:
    """Ends the tasks of one job, which owns this object, and says what the journal keeps.

    `scope`: of all tasks of the job; the supervisor enters the scope.
    """

    def __init__(
        self,
        journal: JobJournal,
        writes: OpenWrites,
        limits: Limits,
        on_lost: Callable[[], object],
    ) -> None:
        """`on_lost` is called first where another process is to have the job."""
        self.scope = trio.CancelScope()
        self._journal = journal
        self._writes = writes
        self._limits = limits
        self._on_lost = on_lost

    @property
    def is_stored(self) -> bool:
        """Whether no write of the job is open: all is stored, or can never be."""
        return self._writes.is_idle

    async def over(self) -> None:
        """Return once the end of the job is stored, so that no later process has the job go on.

        Raises:
            StorageError: where the storage does not take the end in time.
        """
        with trio.move_on_after(self._limits.store_timeout) as time:
            await self._writes.idle()
            await self._journal.over()
        if time.cancelled_caught:
            raise StorageError("The end of the generation is not stored yet.")

    async def retire(self) -> None:
        """Leave when nobody may come back any more, and all is stored."""
        await self._writes.idle()
        await trio.sleep(self._limits.retention)
        await self._writes.idle()
        self.leave()

    def leave(self) -> None:
        """End the job's life now, whatever the retention time says."""
        self.forget()
        self.scope.cancel()

    def lose(self) -> None:
        """End all tasks here: another replica owns the job by now, and the readers go there."""
        self.hand_on()
        self._journal.give_up()  # or the unwritten events would pass for the next owner's

    def hand_on(self) -> None:
        """Do nothing more here, without an ending: another process is to have the job.

        The journal's writer goes on writing the events said until now.
        """
        self._on_lost()
        self.scope.cancel()

    def reannounce(self) -> None:
        """Write everything again: the journal lost what was written of the job."""
        self._journal.start_over()

    async def reannounced(self) -> None:
        """Return once the journal has the job's place again."""
        await self._journal.placed()

    def forget(self) -> None:
        """Remove the job from the journal: no later process finds the job."""
        self._journal.forget()
