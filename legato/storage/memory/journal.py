"""A journal in memory, the simplest implementation of the contract."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex

import trio

from legato.storage.checks import require_unicode
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Entries, Kept, OrphanedJob, Refusal


@dataclass
class StoredLog:
    """One job's entries, each beginning at or below the position after the entries before."""

    owner: str
    epoch: int = 1
    attempts: int = 0
    marked_done: bool = False
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
    """The logs of several journals, which outlive a journal as a database outlives a process."""

    def __init__(self) -> None:
        self.stored_logs: dict[str, StoredLog] = {}
        # forgotten jobs with former owners, and their last epochs
        self.tombstones: dict[str, int] = {}
        self.closed: set[str] = set()  # the owners of closed journals

    def forget(self, job_id: str) -> None:
        stored_log = self.stored_logs.pop(job_id, None)
        if stored_log is not None and stored_log.epoch > 1:
            self.tombstones[job_id] = stored_log.epoch

    def refuses(self, entries: Entries) -> Refusal | None:
        """The refusal of entries without a stored log; None where the entries begin a log."""
        if entries.epoch < self.tombstones.get(entries.job_id, 0):
            return Refusal(entries.job_id, "fenced")
        return Refusal(entries.job_id, "forgotten") if entries.first > 1 else None


class MemoryJournal:
    """Every method is one checkpoint and then a single step: nobody sees half a change."""

    def __init__(
        self,
        journal_store: JournalStore | None = None,
        *,
        me: str | None = None,
        is_gone: Callable[[str], bool] | None = None,
    ) -> None:
        """`is_gone`: whether an owner is gone; by default, whether its journal is closed."""
        self._store = journal_store or JournalStore()
        self.me = me or token_hex(8)
        self._is_gone = is_gone or self._store.closed.__contains__

    def close(self) -> None:
        self._store.closed.add(self.me)

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        await self._enter()
        for entries in batch:
            require_unicode(entries)
        return [refusal for each in batch if (refusal := self._append(each))]

    def _append(self, entries: Entries) -> Refusal | None:
        journal_store = self._store
        stored_log = journal_store.stored_logs.get(entries.job_id)
        refusal = (
            stored_log.refuses(entries, self.me) if stored_log else journal_store.refuses(entries)
        )
        if refusal is None:
            stored_log = stored_log or StoredLog(self.me, entries.epoch)
            stored_log.add(entries, self.me)
            journal_store.stored_logs[entries.job_id] = stored_log
            journal_store.tombstones.pop(entries.job_id, None)
        return refusal

    async def take_over(self) -> Sequence[OrphanedJob]:
        await self._enter()
        stored_logs = sorted(self._store.stored_logs.items())
        for _, stored_log in stored_logs:
            if stored_log.owner != self.me and self._is_gone(stored_log.owner):
                stored_log.owner = self.me
                stored_log.epoch += 1
                stored_log.attempts += 1
        return [
            OrphanedJob(job_id, stored_log.epoch, stored_log.attempts, stored_log.marked_done)
            for job_id, stored_log in stored_logs
            if stored_log.owner == self.me and stored_log.attempts
        ]

    async def read(self, job_id: str) -> Kept:
        await self._enter()
        require_unicode(job_id)
        stored_log = self._store.stored_logs.get(job_id)
        return Kept(list(stored_log.entries) if stored_log else [])

    async def read_all(self, job_ids: Sequence[str]) -> Sequence[Kept]:
        return [await self.read(each) for each in job_ids]

    async def mark_done(self, job_ids: Sequence[str]) -> None:
        await self._enter()
        for job_id in self._own(job_ids):
            stored_log = self._store.stored_logs[job_id]
            stored_log.marked_done, stored_log.attempts = True, 0

    async def forget(self, job_ids: Sequence[str]) -> None:
        await self._enter()
        for job_id in self._own(job_ids):
            self._store.forget(job_id)

    def abandon(self) -> None:
        """Nothing here takes time."""

    def _own(self, job_ids: Sequence[str]) -> Sequence[str]:
        """The jobs among these that are stored and belong to this journal's owner."""
        stored_logs = self._store.stored_logs
        return [
            each for each in job_ids if each in stored_logs and stored_logs[each].owner == self.me
        ]

    async def _enter(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.me in self._store.closed:
            raise StorageError("The journal is closed.")
