"""When a job may be let go of while its run only waits for answers.

The journal then stands for the job.  The job decides and parks in one step; this file only looks.
"""

from collections.abc import Callable

import trio

from legato.actors.conversation.turn import Turn
from legato.actors.durability.job_journal import JobJournal
from legato.actors.durability.parked import Parked
from legato.actors.lifecycle import Lifecycle
from legato.actors.mailbox import ActorRef
from legato.actors.messages import JobMessage, ParkDue
from legato.actors.stream.feed import Feed
from legato.agents.calls import only_waits


class RunParking:
    """Looks at one job, which owns this object."""

    def __init__(
        self,
        feed: Feed,
        lifecycle: Lifecycle,
        journal: JobJournal,
        has_waiters: Callable[[], bool],
        park_after: float,
        *,
        is_resumable: bool,
    ) -> None:
        """`has_waiters`: whether somebody waits for an answer of the job.  `park_after`: seconds
        between two looks.  `is_resumable`: whether the run may go on in another process."""
        self._feed = feed
        self._lifecycle = lifecycle
        self._journal = journal
        self._is_resumable = is_resumable
        self._has_waiters = has_waiters
        self._park_after = park_after

    @property
    def only_waits(self) -> bool:
        """Whether the run does nothing but wait for answers, which may come in another process."""
        may_wait = self._lifecycle.is_answering and self._is_resumable
        return may_wait and only_waits(self._feed.snapshot())

    @property
    def is_due(self) -> bool:
        """Whether the journal could stand for the job: the run only waits, and nobody is here."""
        is_watched = self._feed.readers > 0 or self._has_waiters()
        return not is_watched and self._journal.has_all and self.only_waits

    async def watch(self, job: ActorRef[JobMessage]) -> None:
        """Tell the job each time that parking is due, until the run ends or is parked."""
        while self._lifecycle.is_answering:
            await trio.sleep(self._park_after)
            if self.is_due:
                await job.tell(ParkDue())

    def entry(self, turn: Turn, ended: trio.Event) -> Parked:
        """Make the entry for the job's place; `ended`: the event of all who wait for the ending."""
        expires_at = min(each.expires_at for each in self._feed.snapshot().open_asks)
        return Parked.of(turn, self._feed.epoch, self._feed.log.tail, expires_at, ended)
