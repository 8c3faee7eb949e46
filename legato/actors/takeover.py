"""Signs of life: giving them, and taking over from those who give none any more."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal

import structlog
import trio

from legato.actors.inheritance import Inheritance
from legato.actors.job import Job
from legato.actors.listings import listing_of, stage_of, turn_of
from legato.actors.peers import Peers
from legato.actors.recovery import Heir
from legato.actors.registry import Registry
from legato.actors.supervisor import Supervisor
from legato.actors.turn import Turn
from legato.content import Part, TextPart, ThinkPart
from legato.models.contract import Model
from legato.storage.contract import Abandoned, StorageError
from legato.storage.replicas import Directory, Replication, Told

OnOwnerLost = Literal["seal", "continue"]

BEATS: Final = 10  # in a lease

log = structlog.get_logger()


class Successor(Heir):
    """Knows from the directory what was asked for, and which models go on from a partial answer."""

    def __init__(
        self,
        directory: Directory,
        registry: Registry,
        models: Mapping[str, Model],
        policy: OnOwnerLost,
    ) -> None:
        self._directory = directory
        self._registry = registry
        self._models = models
        self._policy = policy

    def holds(self, job: Abandoned) -> bool:
        found = self._registry.find(job.job_id)
        return found is not None and found.ref.epoch == job.epoch

    async def turn(self, job_id: str) -> Turn | None:
        place = await self._directory.find(job_id)
        return turn_of(place.listing) if place else None

    def continues(self, turn: Turn, content: Sequence[Part]) -> bool:
        model = self._models.get(turn.model)
        is_text = all(isinstance(part, TextPart | ThinkPart) for part in content)
        is_known = turn.prompt is None  # the directory keeps no prompt of an API's caller
        can = model is not None and model.continues
        return self._policy == "continue" and can and is_text and is_known


class Sweeper:
    """Two tasks, for a beat waits for no inheritance: who gives no sign of life has its jobs taken.

    Whoever waits for an owner waits for the next look.
    """

    def __init__(
        self,
        replication: Replication,
        supervisor: Supervisor,
        inheritance: Inheritance,
        peers: Peers,
        lease: float,
    ) -> None:
        self.trouble: StorageError | None = None
        self._replication = replication
        self._supervisor = supervisor
        self._inheritance = inheritance
        self._peers = peers
        self._lease = lease
        self._pause = lease / BEATS
        self._looked = trio.Event()
        self._scope = trio.CancelScope()
        self._ended = trio.Event()
        self._is_told = True  # whether the shared storage knows what it has to know of jobs here
        self._is_listed = True  # whether its directory does
        self._written = trio.Event()  # set once its journal does
        self._last_beat = trio.current_time()

    async def looked(self) -> None:
        """Return after the next look at who is alive."""
        await self._looked.wait()

    async def run(self) -> None:
        with self._scope:
            async with trio.open_nursery() as self._nursery:
                nursery = self._nursery
                nursery.start_soon(self._repeat, self._beat)
                nursery.start_soon(self._repeat, self._inheritance.take_over)
        self._ended.set()

    async def leave(self) -> None:
        """No sign of life comes after this."""
        self._scope.cancel()
        await self._ended.wait()
        await self._replication.liveness.leave()

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
            await trio.sleep(self._pause)

    async def _beat(self) -> None:
        """Seen or not, it is looked at again by those who wait."""
        try:
            await self._look()
        finally:
            looked, self._looked = self._looked, trio.Event()
            looked.set()

    async def _look(self) -> None:
        liveness = self._replication.liveness
        if not await liveness.beat():
            self._write_again()
        self._peers.greet(set(liveness.alive()).__contains__)
        if not self._is_told:
            await self._tell_again(list(self._supervisor.registry))
        if trio.current_time() - self._last_beat > self._lease / 2:
            await self._let_go()
        self._last_beat = trio.current_time()

    def _write_again(self) -> None:
        """Beats wait for no journal."""
        jobs = list(self._supervisor.registry)
        log.warning("the shared storage lost what it was told; telling it again", jobs=len(jobs))
        self._is_told = self._is_listed = False
        self._written = trio.Event()
        for job in jobs:
            job.tell_again()
        self._nursery.start_soon(self._note_written, self._written)

    async def _note_written(self, written: trio.Event) -> None:
        assert self._supervisor.journal is not None, "replicas have one"
        await self._supervisor.journal.noted()
        written.set()

    async def _tell_again(self, jobs: Sequence[Job]) -> None:
        if not self._is_listed:
            told = [Told(listing_of(job.turn), job.ref.epoch, stage_of(job)) for job in jobs]
            await self._replication.directory.tell_again(told)
            self._is_listed = True
        if self._written.is_set():
            self._replication.liveness.told()
            self._is_told = True

    async def _let_go(self) -> None:
        """Of what others took over, while nobody had a sign of life of this replica."""
        for job in list(self._supervisor.registry):
            place = await self._replication.directory.find(job.turn.job_id)
            if place is not None and place.epoch > job.ref.epoch:
                job.lose()
