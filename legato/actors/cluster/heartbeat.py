"""Gives signs of life, and keeps all replicas informed of this replica's jobs."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import structlog
import trio

from legato.actors.cluster.job_info import entry_of
from legato.actors.cluster.transport import Transport
from legato.actors.job import Job
from legato.actors.supervision.crashes import kept_alive
from legato.actors.supervisor import Supervisor
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.replication import Replication

_BEATS: Final = 10  # in a lease
_RETRY: Final = 0.25  # seconds until a replica tries once more to leave

log = structlog.get_logger()


class Heartbeat:
    """Three tasks, because a beat waits for nothing: signs of life go on during the longest
    take-over, and while the shared storage is told again what was lost.

    A task that waits for an owner waits for the next look.
    """

    def __init__(
        self,
        replication: Replication,
        supervisor: Supervisor,
        take_over: Callable[[], Awaitable[None]],
        peers: Transport,
        lease: float,
    ) -> None:
        """`take_over`: takes the jobs of dead replicas over; called again and again."""
        self.trouble: StorageError | None = None  # the reason why replicas are out of reach
        self._replication = replication
        self._supervisor = supervisor
        self._take_over = take_over
        self._peers = peers
        self._lease = lease
        self._pause = lease / _BEATS
        self._looked = trio.Event()
        self._hurried = trio.Event()
        self._scope = trio.CancelScope()
        self._ended = trio.Event()
        self._has_lost = False  # whether the shared storage does not know the jobs here
        self._was_away = False  # whether other replicas may have taken the jobs here
        self._has_left = False
        self._last_beat = trio.current_time()

    async def looked(self) -> None:
        """Return after the next look at who is alive."""
        await self._looked.wait()

    async def look(self) -> None:
        """Look at once, and return after the look."""
        hurried, self._hurried = self._hurried, trio.Event()
        hurried.set()
        await self.looked()

    async def run(self) -> None:
        with self._scope:
            async with trio.open_nursery() as nursery:
                for step in (self._beat, self._take_over, self._reconcile):
                    repeated = partial(self._repeat, step)
                    nursery.start_soon(kept_alive, repeated, "heartbeat")
        self._ended.set()

    async def leave(self) -> None:
        """Give no sign of life from now on, once others can find the jobs left here.

        The shared storage is told again what was lost, until nothing is; an outage is waited for.
        The deadline is the caller's.
        """
        self._scope.cancel()
        await self._ended.wait()
        is_first = True
        while not self._has_left:
            try:
                self._has_left = await self._left()
            except StorageError as error:
                if is_first:  # a single line is enough for an outage
                    log.warning("not left yet", reason=str(error))
                is_first = False
                await trio.sleep(_RETRY)

    async def _left(self) -> bool:
        """False where the shared storage lost everything meanwhile."""
        await self._look()
        await self._reconcile()
        await self._supervisor.written()
        return await self._replication.liveness.leave()

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        trouble: StorageError | None = None
        while True:
            try:
                await step()
            except StorageError as error:
                if trouble is None:
                    log.error("replicas out of reach", reason=str(error))
                self.trouble = trouble = error
            else:
                if trouble is not None:
                    log.info("replicas in reach again")
                    self.trouble = trouble = None
            with trio.move_on_after(self._pause):
                await self._hurried.wait()

    async def _beat(self) -> None:
        """Look, and wake all tasks that wait for a look, even if the look failed."""
        try:
            await self._look()
        finally:
            looked, self._looked = self._looked, trio.Event()
            looked.set()

    async def _look(self) -> None:
        liveness = self._replication.liveness
        if self._supervisor.drain.has_begun:
            liveness.leaving()
        if not await liveness.beat():
            self._has_lost = True
        self._peers.greet(set(liveness.alive()).__contains__)
        if trio.current_time() - self._last_beat > self._lease / 2:
            self._was_away = True
        self._last_beat = trio.current_time()

    async def _reconcile(self) -> None:
        """Tell the shared storage what was lost, then let go of jobs taken over by others.

        Only after the telling does a job's absence in the directory count.
        """
        if self._has_lost:
            await self._supervisor.parking.wake_all()  # to be told again, or ended with their logs
            handed_on = self._supervisor.drain.handed_on.values()
            await self._reannounce([*self._supervisor.registry, *handed_on])
        if self._was_away:
            await self._let_go()

    async def _reannounce(self, jobs: Sequence[Job]) -> None:
        """First the journal, which makes the places of all jobs, then the directory."""
        log.warning("the shared storage lost what it was told; telling it again", jobs=len(jobs))
        self._has_lost = False
        try:
            for job in jobs:
                job.ownership.reannounce()
            for job in jobs:
                await job.ownership.reannounced()
            await self._replication.directory.reannounce([*map(entry_of, jobs)])
        except BaseException:
            self._has_lost = True
            raise
        if not self._has_lost:  # once more, meanwhile
            self._replication.liveness.told()

    async def _let_go(self) -> None:
        """Let go of jobs that were taken over or forgotten while nobody saw this replica live."""
        self._was_away = False
        try:
            for job in [*self._supervisor.registry, *self._supervisor.registry.parked.values()]:
                entry = await self._replication.directory.find(job.turn.job_id)
                if entry is None or entry.epoch > job.epoch:
                    self._supervisor.lose(job)
        except BaseException:
            self._was_away = True
            raise
