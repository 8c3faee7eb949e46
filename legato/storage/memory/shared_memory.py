"""The storage that replicas share within a process."""

from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from typing import Final

import trio

from legato.storage.births import Look, new_birth
from legato.storage.contracts.notices import NoticeEntry
from legato.storage.contracts.replication import DirectoryEntry, JobInfo, JobStage
from legato.storage.memory.journal import JournalStore

_RANKS: Final[dict[JobStage, int]] = {"waiting": 0, "begun": 1, "ended": 2, "void": 3}


class SharedMemory(JournalStore):
    """The logs, the directory, signs of life and inboxes, as all replicas see them.

    A new shared memory is whole from the start: no replica was there before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.server = new_birth()  # a new server after a failover
        self._birth = new_birth()  # "" after a loss, until the next look
        self._born_on = self.server
        self.is_whole = True
        self.places: dict[str, int] = {}  # each job's number in the order of starts
        self.ranks: dict[str, int] = {}  # of the queued turns
        self.infos: dict[str, JobInfo] = {}
        self.stages: dict[str, JobStage] = {}
        self.requests: dict[tuple[str, str], JobInfo] = {}
        self.signs: dict[str, str] = {}
        self.notices: list[NoticeEntry] = []
        self.noticed = 0  # notices of all; a lost one's number is not given again
        self.notices_written: dict[str, int] = {}  # by replica, in batches
        self.notices_stirred = trio.Event()
        self.inboxes: dict[str, deque[bytes]] = {}
        self.arrivals: defaultdict[str, trio.Event] = defaultdict(trio.Event)

    def lose_all(self) -> None:
        """Become like a server that was restarted and kept nothing."""
        self._birth = ""
        for journaled in (self.stored_logs, self.tombstones):
            journaled.clear()
        listings = (self.infos, self.stages, self.places, self.ranks, self.requests, self.signs)
        for listed in listings:
            listed.clear()
        for inbox in self.inboxes.values():
            inbox.clear()
        self.notices.clear()
        self.notices_written.clear()
        self.stir_notices()

    def stir_notices(self) -> None:
        """Wake whoever waits for notices, or is to see that there are none any more."""
        stirred, self.notices_stirred = self.notices_stirred, trio.Event()
        stirred.set()

    @property
    def birth(self) -> str:
        """The birth; "" where everything, or the last write, was lost and no replica looked yet."""
        return self._birth if self._born_on == self.server else ""

    def look(self) -> Look:
        if not self.birth:
            self._birth, self._born_on, self.is_whole = new_birth(), self.server, False
        return Look(self.birth, self.is_whole, dict(self.signs))

    def siblings(self, user: str, conversation_id: str) -> Sequence[DirectoryEntry]:
        found = [
            info
            for info in self.infos.values()
            if (info.user, info.conversation_id) == (user, conversation_id)
        ]
        found.sort(key=lambda info: (self.places[info.job_id], info.job_id))
        return [*map(self._listed, found)]

    def _listed(self, info: JobInfo) -> DirectoryEntry:
        stage, rank = self.stages[info.job_id], self.ranks.get(info.job_id)
        return DirectoryEntry(info=info, stage=stage, rank=rank)

    def running(self, user: str) -> Sequence[JobInfo]:
        return [
            info
            for job_id, info in sorted(self.infos.items())
            if info.user == user and self.stages[job_id] in ("waiting", "begun")
        ]

    def add_info(self, info: JobInfo, stage: JobStage, place: int) -> None:
        self.infos[info.job_id] = info
        self.stages[info.job_id] = stage
        self.places[info.job_id] = place
        if info.request_id is not None:
            self.requests.setdefault((info.user, info.request_id), info)

    def advance(self, job_id: str, stage: JobStage) -> None:
        """Move a job to a later stage; a late former owner cannot move a job back."""
        if _RANKS[self.stages.get(job_id, "void")] < _RANKS[stage]:
            self.stages[job_id] = stage
            if stage in ("ended", "void"):
                self.ranks.pop(job_id, None)

    def requeue(self, job_id: str, rank: int | None) -> None:
        """Have a turn queued with that rank; not queued where there is none, or the job ended."""
        self.ranks.pop(job_id, None)
        if rank is not None and self.stages[job_id] in ("waiting", "begun"):
            self.ranks[job_id] = rank

    def before(self, info: JobInfo, ended: Collection[str]) -> list[JobInfo]:
        """See Directory.begin."""
        others = [
            each.info
            for each in self.siblings(info.user, info.conversation_id)
            if each.stage in ("waiting", "begun") and each.info.job_id not in (info.job_id, *ended)
        ]
        unqueued = [each for each in others if each.job_id not in self.ranks]
        if info.job_id not in self.ranks:
            place = self.places.get(info.job_id, 0)
            return [each for each in unqueued if self.places[each.job_id] < place]
        queued = sorted((each for each in others if each.job_id in self.ranks), key=self._order)
        return [*unqueued, *(each for each in queued if self._order(each) < self._order(info))]

    def _order(self, info: JobInfo) -> tuple[int, int]:
        return self.ranks[info.job_id], self.places[info.job_id]

    def release(self, info: JobInfo) -> None:
        """Let the same request start another job."""
        request = info.user, info.request_id or ""
        first = self.requests.get(request)
        if first is not None and first.job_id == info.job_id:
            del self.requests[request]

    def remove(self, job_id: str) -> None:
        self.forget(job_id)
        self.stages.pop(job_id, None)
        self.places.pop(job_id, None)
        self.ranks.pop(job_id, None)
        if info := self.infos.pop(job_id, None):
            self.release(info)
