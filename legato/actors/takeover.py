"""Signs of life: giving them, and taking over from those who give none any more."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import structlog
import trio

from legato.actors.job import Job
from legato.actors.listings import listing_of, stage_of, turn_of
from legato.actors.peers import Peers
from legato.actors.recovery import Heir, recover_one
from legato.actors.supervisor import Supervisor
from legato.actors.turn import Turn
from legato.content import Part, TextPart, ThinkPart
from legato.models.contract import Model
from legato.storage.contract import Abandoned, Records, StorageError
from legato.storage.replicas import Directory, Replication, Told

OnOwnerLost = Literal["seal", "continue"]

BEATS: Final = 10  # in a lease
AT_ONCE: Final = 8  # jobs that are recovered side by side
RETRY: Final = 1.0  # seconds until that is tried again

log = structlog.get_logger()


class Successor(Heir):
    """Knows from the directory what was asked for, and which models go on from a partial answer."""

    def __init__(
        self, directory: Directory, models: Mapping[str, Model], policy: OnOwnerLost
    ) -> None:
        self._directory = directory
        self._models = models
        self._policy = policy

    async def turn(self, job_id: str) -> Turn | None:
        place = await self._directory.find(job_id)
        return turn_of(place.listing) if place else None

    def continues(self, turn: Turn, content: Sequence[Part]) -> bool:
        model = self._models.get(turn.model)
        is_text = all(isinstance(part, TextPart | ThinkPart) for part in content)
        return self._policy == "continue" and model is not None and model.continues and is_text


class Sweeper:
    """One task.  Whoever waits for an owner waits for its next look."""

    def __init__(
        self,
        replication: Replication,
        supervisor: Supervisor,
        peers: Peers,
        records: Records,
        heir: Heir,
        lease: float,
    ) -> None:
        self.trouble: StorageError | None = None
        self._replication = replication
        self._supervisor = supervisor
        self._peers = peers
        self._records = records
        self._heir = heir
        self._pause = lease / BEATS
        self._looked = trio.Event()
        self._at_once = trio.CapacityLimiter(AT_ONCE)

    async def looked(self) -> None:
        """Return after the next look at who is alive."""
        await self._looked.wait()

    async def run(self) -> None:
        async with trio.open_nursery() as self._nursery:
            while True:
                await self.look()
                await trio.sleep(self._pause)

    async def look(self) -> None:
        try:
            await self._look()
        except StorageError as error:
            if self.trouble is None:
                log.error("replicas out of reach", reason=str(error))
            self.trouble = error
        else:
            if self.trouble is not None:
                log.info("replicas in reach again")
            self.trouble = None
        looked, self._looked = self._looked, trio.Event()
        looked.set()

    async def _look(self) -> None:
        liveness = self._replication.liveness
        if not await liveness.beat():
            await self._tell_again(list(self._supervisor.registry))
        self._peers.greet(set(liveness.alive()).__contains__)
        abandoned = await self._replication.journal.take_over()
        for job in sorted(abandoned, key=lambda job: job.settled):  # who waits for an ending first
            self._nursery.start_soon(self._recover, job)

    async def _recover(self, job: Abandoned) -> None:
        """It is this replica's now, and nobody else's task: tried until it is done."""
        async with self._at_once:
            while not await self._recovered(job):
                await trio.sleep(RETRY)

    async def _recovered(self, job: Abandoned) -> bool:
        journal = self._replication.journal
        try:
            recovered = await recover_one(job, journal, self._records, self._heir)
            if recovered is not None and recovered.has_ended:
                await journal.settle([job.job_id])
        except StorageError as error:
            log.warning("not recovered yet", job=job.job_id, reason=str(error))
            return False
        if recovered is not None:
            self._supervisor.adopt([recovered])
        return True

    async def _tell_again(self, jobs: Sequence[Job]) -> None:
        log.warning("the shared storage lost what it was told; telling it again", jobs=len(jobs))
        told = [Told(listing_of(job.turn), job.ref.epoch, stage_of(job)) for job in jobs]
        await self._replication.directory.tell_again(told)
        for job in jobs:
            job.tell_again()
