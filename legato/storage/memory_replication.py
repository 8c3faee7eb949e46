"""Replicas within one process: the simplest implementation of what they promise each other."""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from secrets import token_hex

import trio

from legato.config import OnBusy
from legato.storage.contract import Entries, Refusal, StorageError
from legato.storage.memory_journal import MemoryJournal, Shelf, Volume
from legato.storage.replicas import (
    Denied,
    Entered,
    Joined,
    Listed,
    Listing,
    Stage,
    Told,
    Whereabouts,
)
from legato.storage.signs import LEFT, Signs


class World(Shelf):
    """What all replicas see: the journals' shelf, the directory, signs of life and inboxes."""

    def __init__(self) -> None:
        super().__init__()
        self.listings: dict[str, Listing] = {}
        self.stages: dict[str, Stage] = {}
        self.requests: dict[tuple[str, str], Listing] = {}
        self.signs: dict[str, str] = {}
        self.inboxes: dict[str, deque[bytes]] = {}
        self.arrivals: defaultdict[str, trio.Event] = defaultdict(trio.Event)

    def siblings(self, user: str, conversation_id: str) -> Sequence[Listed]:
        place = user, conversation_id
        return [
            Listed(listing, self.stages[job_id])
            for job_id, listing in sorted(self.listings.items())
            if (listing.user, listing.conversation_id) == place
        ]

    def running(self, user: str) -> Sequence[Listing]:
        return [
            listing
            for job_id, listing in sorted(self.listings.items())
            if listing.user == user and self.stages[job_id] in ("waiting", "begun")
        ]

    def release(self, listing: Listing) -> None:
        """Let the same request start another job."""
        request = listing.user, listing.request_id or ""
        if self.requests.get(request) == listing:
            del self.requests[request]

    def remove(self, job_id: str) -> None:
        self.forget(job_id)
        self.stages.pop(job_id, None)
        if listing := self.listings.pop(job_id, None):
            self.release(listing)


class WorldJournal(MemoryJournal):
    """Keeps the directory true."""

    def __init__(
        self, world: World, me: str, signs: Signs, reach: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(world, me=me, is_gone=signs.is_gone)
        self._world = world
        self._reach = reach

    async def _enter(self) -> None:
        await self._reach()

    def _append(self, entries: Entries) -> Refusal | None:
        refusal = super()._append(entries)
        begins = refusal is None and entries.events
        if begins and self._world.stages.get(entries.job_id) == "waiting":
            self._world.stages[entries.job_id] = "begun"
        return refusal

    async def settle(self, job_ids: Sequence[str]) -> None:
        await super().settle(job_ids)
        for job_id in self._world.stages.keys() & set(job_ids):
            self._world.stages[job_id] = "ended"

    async def forget(self, job_ids: Sequence[str]) -> None:
        await super().forget(job_ids)
        for job_id in job_ids:
            self._world.remove(job_id)


class MemoryReplication:
    """One replica's share of a world.  Every method is one checkpoint and then one step."""

    def __init__(self, world: World, *, lease: float, me: str | None = None) -> None:
        self.me = me or token_hex(8)
        self._world = world
        self._signs = Signs(self.me, lease)
        self._beats = 0
        self.journal = WorldJournal(world, self.me, self._signs, self._checkpoint)
        world.inboxes[self.me] = deque()

    @property
    def directory(self) -> "MemoryReplication":
        return self

    @property
    def liveness(self) -> "MemoryReplication":
        return self

    @property
    def post(self) -> "MemoryReplication":
        return self

    async def enter(
        self, listing: Listing, on_busy: OnBusy, *, max_per_user: int
    ) -> Entered | Joined | Denied:
        await self._checkpoint()
        world = self._world
        if first := world.requests.get((listing.user, listing.request_id or "")):
            return Joined(first)
        siblings = world.siblings(listing.user, listing.conversation_id)
        before = [each.listing for each in siblings if each.stage in ("waiting", "begun")]
        if before and on_busy == "reject":
            return Denied("busy")
        leaving = len(before) if on_busy == "interrupt" else 0
        if len(world.running(listing.user)) - leaving >= max_per_user:
            return Denied("too_many")
        world.volumes[listing.job_id] = Volume(self.me)
        world.listings[listing.job_id] = listing
        world.stages[listing.job_id] = "waiting"
        if listing.request_id is not None:
            world.requests[listing.user, listing.request_id] = listing
        return Entered(before)

    async def withdraw(self, listing: Listing) -> None:
        await self._checkpoint()
        self._world.remove(listing.job_id)

    async def void(self, listing: Listing, *, may_repeat: bool) -> None:
        await self._checkpoint()
        if listing.job_id in self._world.stages:
            self._world.stages[listing.job_id] = "void"
        if may_repeat:
            self._world.release(listing)

    async def tell_again(self, jobs: Sequence[Told]) -> None:
        await self._checkpoint()
        world = self._world
        for told in jobs:
            listing = told.listing
            volume = world.volumes.setdefault(listing.job_id, Volume(self.me, told.epoch))
            if told.epoch > volume.epoch:
                volume.owner, volume.epoch = self.me, told.epoch
            if volume.owner == self.me:
                world.listings[listing.job_id] = listing
                world.stages[listing.job_id] = told.stage
                if listing.request_id is not None:
                    world.requests.setdefault((listing.user, listing.request_id), listing)

    async def find(self, job_id: str) -> Whereabouts | None:
        await self._checkpoint()
        listing = self._world.listings.get(job_id)
        volume = self._world.volumes.get(job_id)
        return Whereabouts(listing, volume.owner, volume.epoch) if listing and volume else None

    async def conversation(self, user: str, conversation_id: str) -> Sequence[Listed]:
        await self._checkpoint()
        return self._world.siblings(user, conversation_id)

    async def running(self, user: str) -> Sequence[str]:
        await self._checkpoint()
        running = self._world.running(user)
        return list(dict.fromkeys(listing.conversation_id for listing in running))

    async def request(self, user: str, request_id: str) -> Listing | None:
        await self._checkpoint()
        return self._world.requests.get((user, request_id))

    async def beat(self) -> bool:
        try:
            await self._checkpoint()
        except StorageError:
            self._signs.miss()
            raise
        signs = self._world.signs
        is_remembered = signs.get(self.me, "0") == str(self._beats)
        self._beats = int(signs.get(self.me, "0")) + 1
        signs[self.me] = str(self._beats)
        self._signs.look(signs, trio.current_time())
        return is_remembered

    def alive(self) -> Collection[str]:
        return self._signs.alive()

    async def leave(self) -> None:
        await self._checkpoint()
        self._world.signs[self.me] = LEFT

    async def send(self, packets: Sequence[tuple[str, bytes]]) -> None:
        await self._checkpoint()
        for replica, packet in packets:
            if (inbox := self._world.inboxes.get(replica)) is not None:
                inbox.append(packet)
                self._world.arrivals.pop(replica, trio.Event()).set()

    async def receive(self) -> Sequence[bytes]:
        await self._checkpoint()
        inbox = self._world.inboxes[self.me]
        while not inbox:
            await self._world.arrivals[self.me].wait()
        packets = list(inbox)
        inbox.clear()
        return packets

    async def _checkpoint(self) -> None:
        """Where a test has the world fail, or take its time."""
        await trio.lowlevel.checkpoint()
