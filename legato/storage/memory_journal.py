"""A journal in memory: the simplest implementation of the contract, for who shares its shelf."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex

import trio

from legato.storage.checks import require_unicode
from legato.storage.contract import Entries, Kept, OrphanedJob, Refusal, StorageError


@dataclass
class StoredLog:
    """One job: entries of which each begins where those before it end, or below."""

    owner: str
    epoch: int = 1
    attempts: int = 0
    settled: bool = False
    entries: list[Entries] = field(default_factory=list)

    def refuses(self, entries: Entries, owner: str) -> Refusal | None:
        if entries.epoch < self.epoch or (entries.epoch == self.epoch and owner != self.owner):
            return Refusal(entries.job_id, "fenced")
        last = self.entries[-1].last if self.entries else 0
        return Refusal(entries.job_id, "forgotten") if entries.first > last + 1 else None

    def add(self, entries: Entries, owner: str) -> None:
        if entries.epoch > self.epoch:
            self.owner, self.epoch = owner, entries.epoch
        if entries.events and not self._has(entries):
            self.entries = [each for each in self.entries if each.first < entries.first]
            self.entries.append(entries)
            self.attempts = 0

    def _has(self, entries: Entries) -> bool:
        last = self.entries[-1] if self.entries else None
        return last is not None and last.epoch == entries.epoch and last.last >= entries.last


class JournalStore:
    """What outlives the journals on it, as a database outlives a process."""

    def __init__(self) -> None:
        self.volumes: dict[str, StoredLog] = {}
        self.tombstones: dict[str, int] = {}  # forgotten jobs that had former owners: last epochs
        self.closed: set[str] = set()  # the owners whose journals are

    def forget(self, job_id: str) -> None:
        volume = self.volumes.pop(job_id, None)
        if volume is not None and volume.epoch > 1:
            self.tombstones[job_id] = volume.epoch

    def refuses(self, entries: Entries) -> Refusal | None:
        """Say why entries of a job that has no volume are refused, if they are."""
        if entries.epoch < self.tombstones.get(entries.job_id, 0):
            return Refusal(entries.job_id, "fenced")
        return Refusal(entries.job_id, "forgotten") if entries.first > 1 else None


class MemoryJournal:
    """Every method is one checkpoint and then one step that nobody can see half of."""

    def __init__(
        self,
        shelf: JournalStore | None = None,
        *,
        me: str | None = None,
        is_gone: Callable[[str], bool] | None = None,
    ) -> None:
        """`is_gone`: whether such an owner is; without it, whether its journal is closed."""
        self._shelf = shelf or JournalStore()
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
        shelf = self._shelf
        volume = shelf.volumes.get(entries.job_id)
        refusal = volume.refuses(entries, self.me) if volume else shelf.refuses(entries)
        if refusal is None:
            volume = volume or StoredLog(self.me, entries.epoch)
            volume.add(entries, self.me)
            shelf.volumes[entries.job_id] = volume
            shelf.tombstones.pop(entries.job_id, None)
        return refusal

    async def take_over(self) -> Sequence[OrphanedJob]:
        await self._enter()
        volumes = sorted(self._shelf.volumes.items())
        for _, volume in volumes:
            if volume.owner != self.me and self._is_gone(volume.owner):
                volume.owner = self.me
                volume.epoch += 1
                volume.attempts += 1
        return [
            OrphanedJob(job_id, volume.epoch, volume.attempts, volume.settled)
            for job_id, volume in volumes
            if volume.owner == self.me and volume.attempts
        ]

    async def read(self, job_id: str) -> Kept:
        await self._enter()
        require_unicode(job_id)
        volume = self._shelf.volumes.get(job_id)
        return Kept(list(volume.entries) if volume else [])

    async def settle(self, job_ids: Sequence[str]) -> None:
        await self._enter()
        for job_id in self._own(job_ids):
            volume = self._shelf.volumes[job_id]
            volume.settled, volume.attempts = True, 0

    async def forget(self, job_ids: Sequence[str]) -> None:
        await self._enter()
        for job_id in self._own(job_ids):
            self._shelf.forget(job_id)

    def abandon(self) -> None:
        """Nothing here takes time."""

    def _own(self, job_ids: Sequence[str]) -> Sequence[str]:
        """Those of these that are there and nobody else's."""
        volumes = self._shelf.volumes
        return [each for each in job_ids if each in volumes and volumes[each].owner == self.me]

    async def _enter(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.me in self._shelf.closed:
            raise StorageError("The journal is closed.")
