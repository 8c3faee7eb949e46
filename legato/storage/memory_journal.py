"""A journal in memory: the simplest implementation of the contract, for who shares its shelf."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex

import trio

from legato.storage.checks import require_unicode
from legato.storage.contract import Abandoned, Entries, Kept, Refusal, StorageError


@dataclass
class Volume:
    """What is kept of one job."""

    owner: str
    epoch: int = 1
    attempts: int = 0
    settled: bool = False
    entries: list[Entries] = field(default_factory=list)

    def add(self, entries: Entries) -> None:
        """What was there from that position on is said again, or by a later owner otherwise."""
        tail = entries.first + len(entries.events)
        if any(each.epoch == entries.epoch and tail_of(each) >= tail for each in self.entries):
            return
        self.entries = [each for each in self.entries if each.first < entries.first]
        self.entries.append(entries)

    def refuses(self, entries: Entries) -> Refusal | None:
        if entries.epoch < self.epoch:
            return Refusal(entries.job_id, "fenced")
        tail = max(map(tail_of, self.entries), default=1)
        return Refusal(entries.job_id, "forgotten") if entries.first > tail else None


def tail_of(entries: Entries) -> int:
    """The position after the last of them."""
    return entries.first + len(entries.events)


class Shelf:
    """What outlives the journals on it, as a database outlives a process."""

    def __init__(self) -> None:
        self.volumes: dict[str, Volume] = {}
        self.closed: set[str] = set()  # the owners whose journals are


class MemoryJournal:
    """Every method is one checkpoint and then one step that nobody can see half of."""

    def __init__(
        self,
        shelf: Shelf | None = None,
        *,
        me: str | None = None,
        is_gone: Callable[[str], bool] | None = None,
    ) -> None:
        """`is_gone`: whether such an owner is; without it, whether its journal is closed."""
        self._shelf = shelf or Shelf()
        self.me = me or token_hex(8)
        self._is_gone = is_gone or self._shelf.closed.__contains__

    def close(self) -> None:
        self._shelf.closed.add(self.me)

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        await self._enter()
        for entries in batch:
            require_unicode(entries)
        return [refusal for each in batch if (refusal := self._append(each))]

    def _append(self, entries: Entries) -> Refusal | None:
        volumes = self._shelf.volumes
        if entries.first > 1 and entries.job_id not in volumes:
            return Refusal(entries.job_id, "forgotten")
        volume = volumes.setdefault(entries.job_id, Volume(self.me, entries.epoch))
        refusal = volume.refuses(entries)
        if refusal is None:
            if entries.epoch > volume.epoch:
                volume.owner, volume.epoch = self.me, entries.epoch
            volume.add(entries)
        return refusal

    async def take_over(self) -> Sequence[Abandoned]:
        await self._enter()
        volumes = sorted(self._shelf.volumes.items())
        for _, volume in volumes:
            if volume.owner != self.me and self._is_gone(volume.owner):
                volume.owner = self.me
                volume.epoch += 1
                volume.attempts += 1
        return [
            Abandoned(job_id, volume.epoch, volume.attempts, volume.settled)
            for job_id, volume in volumes
            if volume.owner == self.me and volume.attempts
        ]

    async def read(self, job_id: str) -> Kept:
        await self._enter()
        volume = self._shelf.volumes.get(job_id)
        return Kept(list(volume.entries) if volume else [])

    async def settle(self, job_ids: Sequence[str]) -> None:
        await self._enter()
        for volume in self._found(job_ids):
            volume.settled = True
            volume.attempts = 0

    async def forget(self, job_ids: Sequence[str]) -> None:
        await self._enter()
        for job_id in job_ids:
            self._shelf.volumes.pop(job_id, None)

    def abandon(self) -> None:
        """Nothing here takes time."""

    def _found(self, job_ids: Sequence[str]) -> Sequence[Volume]:
        return [volume for job_id in job_ids if (volume := self._shelf.volumes.get(job_id))]

    async def _enter(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.me in self._shelf.closed:
            raise StorageError("The journal is closed.")
