"""The storage that replicas within one process share."""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Final

import trio

from legato.storage.births import Look, new_birth
from legato.storage.memory_journal import JournalStore
from legato.storage.replicas import JobInfo, Listed, Stage

_RANKS: Final[dict[Stage, int]] = {"waiting": 0, "begun": 1, "ended": 2, "void": 3}


class SharedMemory(JournalStore):
    """The journals' shelf, the directory, signs of life and inboxes, as all replicas see them.

    A new one is known to miss nothing: nobody was there before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.server = new_birth()  # another one after a failover
        self._birth = new_birth()  # "" in one that lost it, until somebody looks
        self._born_on = self.server
        self.is_whole = True
        self.places: dict[str, int] = {}  # of jobs, in the order of their starts
        self.listings: dict[str, JobInfo] = {}
        self.stages: dict[str, Stage] = {}
        self.requests: dict[tuple[str, str], JobInfo] = {}
        self.signs: dict[str, str] = {}
        self.inboxes: dict[str, deque[bytes]] = {}
        self.arrivals: defaultdict[str, trio.Event] = defaultdict(trio.Event)

    def lose_all(self) -> None:
        """Be as a server is that was restarted and kept nothing."""
        self._birth = ""
        for journaled in (self.volumes, self.tombstones):
            journaled.clear()
        for listed in (self.listings, self.stages, self.places, self.requests, self.signs):
            listed.clear()
        for inbox in self.inboxes.values():
            inbox.clear()

    @property
    def birth(self) -> str:
        """The birth; "" where all was lost, or the last that was written, and nobody looked yet."""
        return self._birth if self._born_on == self.server else ""

    def look(self) -> Look:
        if not self.birth:
            self._birth, self._born_on, self.is_whole = new_birth(), self.server, False
        return Look(self.birth, self.is_whole, dict(self.signs))

    def siblings(self, user: str, conversation_id: str) -> Sequence[Listed]:
        found = [
            listing
            for listing in self.listings.values()
            if (listing.user, listing.conversation_id) == (user, conversation_id)
        ]
        found.sort(key=lambda listing: (self.places[listing.job_id], listing.job_id))
        return [Listed(listing, self.stages[listing.job_id]) for listing in found]

    def running(self, user: str) -> Sequence[JobInfo]:
        return [
            listing
            for job_id, listing in sorted(self.listings.items())
            if listing.user == user and self.stages[job_id] in ("waiting", "begun")
        ]

    def list_job(self, listing: JobInfo, stage: Stage, place: int) -> None:
        self.listings[listing.job_id] = listing
        self.stages[listing.job_id] = stage
        self.places[listing.job_id] = place
        if listing.request_id is not None:
            self.requests.setdefault((listing.user, listing.request_id), listing)

    def advance(self, job_id: str, stage: Stage) -> None:
        """Stages only do: a former owner that is late takes nothing back."""
        if _RANKS[self.stages.get(job_id, "void")] < _RANKS[stage]:
            self.stages[job_id] = stage

    def release(self, listing: JobInfo) -> None:
        """Let the same request start another job."""
        request = listing.user, listing.request_id or ""
        first = self.requests.get(request)
        if first is not None and first.job_id == listing.job_id:
            del self.requests[request]

    def remove(self, job_id: str) -> None:
        self.forget(job_id)
        self.stages.pop(job_id, None)
        self.places.pop(job_id, None)
        if listing := self.listings.pop(job_id, None):
            self.release(listing)
