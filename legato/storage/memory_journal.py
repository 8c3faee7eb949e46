"""A journal in memory: the simplest implementation of the contract, for who shares its shelf."""

from collections.abc import Sequence

import trio

from legato.storage.checks import require_unicode
from legato.storage.contract import Abandoned, Entries, Kept, StorageError


class Shelf:
    """What outlives the journals on it, as a database outlives a process."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[int, Entries]] = {}  # of each job, by their first position
        self.owners: dict[str, MemoryJournal] = {}
        self.attempts: dict[str, int] = {}
        self.settled: set[str] = set()


class MemoryJournal:
    """Every method is one checkpoint and then one step that nobody can see half of."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf or Shelf()
        self.closed = False

    async def append(self, batch: Sequence[Entries]) -> None:
        await self._enter()
        for entries in batch:
            require_unicode(entries)
        for entries in batch:
            self._shelf.owners.setdefault(entries.job_id, self)
            self._shelf.entries.setdefault(entries.job_id, {}).setdefault(entries.first, entries)

    async def take_over(self) -> Sequence[Abandoned]:
        await self._enter()
        shelf = self._shelf
        gone = [job_id for job_id, owner in shelf.owners.items() if owner.closed]
        for job_id in gone:
            shelf.owners[job_id] = self
            shelf.attempts[job_id] = shelf.attempts.get(job_id, 0) + 1
        return [
            Abandoned(each, shelf.attempts[each], each in shelf.settled) for each in sorted(gone)
        ]

    async def read(self, job_id: str) -> Kept:
        await self._enter()
        return Kept([entries for _, entries in sorted(self._shelf.entries.get(job_id, {}).items())])

    async def settle(self, job_ids: Sequence[str]) -> None:
        await self._enter()
        settled = self._shelf.owners.keys() & set(job_ids)
        self._shelf.settled |= settled
        self._shelf.attempts |= dict.fromkeys(settled, 0)

    async def forget(self, job_ids: Sequence[str]) -> None:
        await self._enter()
        for job_id in job_ids:
            self._shelf.entries.pop(job_id, None)
            self._shelf.owners.pop(job_id, None)
            self._shelf.attempts.pop(job_id, None)
            self._shelf.settled.discard(job_id)

    async def _enter(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.closed:
            raise StorageError("The journal is closed.")
