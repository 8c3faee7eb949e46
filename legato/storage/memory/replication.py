"""Replicas within one process, the simplest implementation of their contracts."""

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from secrets import token_hex

import trio

from legato.config import OnBusy
from legato.storage.births import Births, sign
from legato.storage.checks import require_unicode
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Entries, OrphanedJob, Refusal
from legato.storage.contracts.replication import (
    UNLIMITED,
    DirectoryEntry,
    Entered,
    JobInfo,
    Joined,
    NotEntered,
    QueueLimits,
    announced_stage,
)
from legato.storage.failure_detector import LEFT
from legato.storage.memory.journal import MemoryJournal, StoredLog
from legato.storage.memory.notices import MemoryNotices
from legato.storage.memory.shared_memory import SharedMemory


class DirectoryJournal(MemoryJournal):
    """The journal of a replica, which keeps the directory true."""

    def __init__(
        self,
        shared: SharedMemory,
        me: str,
        births: Births,
        reach: Callable[[], Awaitable[None]],
        is_whole: Callable[[], bool],
    ) -> None:
        """`reach` returns once the shared memory is reached; `is_whole`: absence counts there."""
        super().__init__(shared, me=me, is_gone=births.signs.is_gone)
        self._shared = shared
        self._signs = births.signs
        self._reach = reach
        self._is_whole = is_whole

    async def _enter(self) -> None:
        await self._reach()

    def _append(self, entries: Entries) -> Refusal | None:
        refusal = super()._append(entries)
        if refusal is None and entries.events:
            self._shared.advance(entries.job_id, "begun")
        return refusal

    async def take_over(self) -> Sequence[OrphanedJob]:
        if not self._is_whole():  # a living replica may own what its owner's last claim lost
            return ()
        owners = {stored_log.owner for stored_log in self._shared.stored_logs.values()}
        taken = await super().take_over()
        empty = [replica for replica in self._signs.gone() if replica not in owners]
        for replica in empty:
            self._shared.signs.pop(replica, None)
        self._signs.drop(empty)
        return taken

    async def mark_done(self, job_ids: Sequence[str]) -> None:
        await super().mark_done(job_ids)
        for job_id in self._not_of_others(job_ids):
            self._shared.advance(job_id, "ended")

    async def forget(self, job_ids: Sequence[str]) -> None:
        mine = self._not_of_others(job_ids)
        await super().forget(job_ids)
        for job_id in mine:
            self._shared.remove(job_id)

    def _not_of_others(self, job_ids: Sequence[str]) -> Sequence[str]:
        stored_logs = self._shared.stored_logs
        return [
            each
            for each in job_ids
            if each not in stored_logs or stored_logs[each].owner == self.me
        ]


class MemoryReplication:
    """A replica's part in a shared memory; every method is a checkpoint and then a single step."""

    def __init__(self, shared: SharedMemory, *, lease: float, me: str | None = None) -> None:
        self.me = me or token_hex(8)
        self._shared = shared
        self._births = Births(self.me, lease)
        self._beats = 0
        parts = (self._births, self._checkpoint, self._is_whole_now)
        self.journal = DirectoryJournal(shared, self.me, *parts)
        self.notices = MemoryNotices(shared, self.me, self._checkpoint)
        shared.inboxes[self.me] = deque()

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
        self, info: JobInfo, on_busy: OnBusy, *, max_per_user: int, queue: QueueLimits = UNLIMITED
    ) -> Entered | Joined | NotEntered:
        await self._checkpoint()
        require_unicode(info)
        shared = self._shared
        self._births.require_whole(shared.birth)
        siblings = shared.siblings(info.user, info.conversation_id)
        jobs = [each.info for each in siblings if each.stage in ("waiting", "begun")]
        stored_log = shared.stored_logs.get(info.job_id)
        if stored_log is not None and stored_log.owner != self.me:
            raise StorageError("This replica was taken for gone while it entered a job.")
        if info.job_id in shared.infos:  # by an earlier call whose success was not heard
            before = jobs[: jobs.index(info)] if info in jobs else jobs
            return Entered(before, shared.places[info.job_id], info.job_id in shared.ranks)
        if first := shared.requests.get((info.user, info.request_id or "")):
            return Joined(first)
        if jobs and on_busy == "reject":
            return NotEntered("busy")
        leaving = len(jobs) if on_busy == "interrupt" else 0
        if len(shared.running(info.user)) - leaving >= max_per_user:
            return NotEntered("too_many")
        is_queued = bool(jobs) and on_busy == "enqueue"
        if is_queued and (denied := self._full(info, jobs, queue)):
            return denied
        shared.stored_logs[info.job_id] = StoredLog(self.me)
        others = (shared.places[each.info.job_id] for each in siblings)
        place = 1 + max(others, default=0)
        shared.add_info(info, "waiting", place)
        if is_queued:
            shared.ranks[info.job_id] = 0
        return Entered(jobs, place, is_queued)

    def _full(
        self, info: JobInfo, jobs: Sequence[JobInfo], limits: QueueLimits
    ) -> NotEntered | None:
        queued = self._shared.ranks.keys()
        if sum(each.job_id in queued for each in jobs) >= limits.per_conversation:
            return NotEntered("queue_full")
        running = self._shared.running(info.user)
        is_full = sum(each.job_id in queued for each in running) >= limits.per_user
        return NotEntered("too_many_queued") if is_full else None

    async def begin(self, info: JobInfo, *, ended: Collection[str]) -> Sequence[JobInfo]:
        await self._checkpoint()
        self._births.require_whole(self._shared.birth)
        if not (before := self._shared.before(info, ended)):
            self._shared.ranks.pop(info.job_id, None)
        return before

    async def move_to_front(self, info: JobInfo) -> int | None:
        await self._checkpoint()
        self._births.require_whole(self._shared.birth)
        ranks = self._shared.ranks
        if info.job_id not in ranks:
            return None
        ranks[info.job_id] = min(ranks.values()) - 1
        return ranks[info.job_id]

    async def rank(self, info: JobInfo) -> int | None:
        await self._checkpoint()
        self._births.require_whole(self._shared.birth)
        return self._shared.ranks.get(info.job_id)

    async def withdraw(self, info: JobInfo) -> None:
        await self._checkpoint()
        self._shared.remove(info.job_id)

    async def void(self, info: JobInfo, *, may_repeat: bool) -> None:
        await self._checkpoint()
        self._shared.advance(info.job_id, "void")
        if may_repeat:
            self._shared.release(info)

    async def reannounce(self, jobs: Sequence[DirectoryEntry]) -> None:
        await self._checkpoint()
        for entry in jobs:
            if self._has(entry):
                job_id, stage = entry.info.job_id, announced_stage(entry)
                if job_id not in self._shared.infos:
                    self._shared.add_info(entry.info, stage, entry.info.place)
                self._shared.advance(job_id, stage)
                self._shared.requeue(job_id, entry.rank)

    def _has(self, entry: DirectoryEntry) -> bool:
        """Whether this replica does, as far as the world knows."""
        job_id = entry.info.job_id
        stored_log = self._shared.stored_logs.get(job_id)
        if stored_log is None:
            return entry.epoch > self._shared.tombstones.get(job_id, 0)
        return stored_log.owner == self.me or stored_log.epoch < entry.epoch

    async def find(self, job_id: str) -> DirectoryEntry | None:
        await self._checkpoint()
        info = self._shared.infos.get(job_id)
        stored_log = self._shared.stored_logs.get(job_id)
        if info and stored_log:
            return DirectoryEntry(info=info, owner=stored_log.owner, epoch=stored_log.epoch)
        self._births.require_whole(self._shared.birth)
        return None

    async def conversation(
        self, user: str, conversation_id: str, *, whole: bool = False
    ) -> Sequence[DirectoryEntry]:
        await self._checkpoint()
        found = self._shared.siblings(user, conversation_id)
        if whole or not found:
            self._births.require_whole(self._shared.birth)
        return found

    async def running(self, user: str) -> Sequence[str]:
        await self._checkpoint()
        running = self._shared.running(user)
        return list(dict.fromkeys(info.conversation_id for info in running))

    async def request(self, user: str, request_id: str) -> JobInfo | None:
        await self._checkpoint()
        if (found := self._shared.requests.get((user, request_id))) is None:
            self._births.require_whole(self._shared.birth)
        return found

    async def beat(self) -> bool:
        began = trio.current_time()
        try:
            await self._checkpoint()
        except StorageError:
            self._births.signs.miss()
            raise
        self._beats += 1
        shared = self._shared
        shared.signs[self.me] = sign(self._beats, self._births.words)
        shared.is_whole |= self._births.whole == shared.birth
        return self._births.look(shared.look(), began, trio.current_time())

    def told(self) -> None:
        self._births.told()

    def leaving(self) -> None:
        self._births.leaving()

    @property
    def is_whole(self) -> bool:
        return self._births.is_whole

    def _is_whole_now(self) -> bool:
        return self.is_whole and self._births.birth == self._shared.birth

    def alive(self) -> Collection[str]:
        return self._births.signs.alive().keys()

    def staying(self) -> Collection[str]:
        return self._births.staying()

    async def leave(self) -> bool:
        await self._checkpoint()
        if self._births.birth != self._shared.birth:
            return False
        self._shared.signs[self.me] = LEFT
        return True

    async def send(self, packets: Sequence[tuple[str, bytes]]) -> None:
        await self._checkpoint()
        for replica, packet in packets:
            if (inbox := self._shared.inboxes.get(replica)) is not None:
                inbox.append(packet)
                self._shared.arrivals.pop(replica, trio.Event()).set()

    async def receive(self) -> Sequence[bytes]:
        await self._checkpoint()
        inbox = self._shared.inboxes[self.me]
        while not inbox:
            await self._shared.arrivals[self.me].wait()
        packets = list(inbox)
        inbox.clear()
        return packets

    async def _checkpoint(self) -> None:
        """The place where a test has the shared memory fail, or be slow."""
        await trio.lowlevel.checkpoint()
