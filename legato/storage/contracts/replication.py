"""The contracts between replicas: liveness, the directory of jobs, and packets.

Each object here belongs to one replica, whose id is `me`.  Every method raises StorageError where
the shared storage fails, refuses, or is closed; the outcome of the call is not certain then, and
the call may be repeated.
"""

import sys
from collections.abc import Collection, Sequence
from typing import Final, Literal, Protocol

from msgspec import Struct, field

from legato.config import OnBusy
from legato.requests import ApiRequest
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Journal
from legato.storage.contracts.notices import NoticeLog

JobStage = Literal["waiting", "begun", "ended", "void"]
"""A job's stage.  `waiting`: the user's message is not stored yet.  `begun`: the message is stored.

`ended`: the job has ended.  `void`: the job ended before it began.
"""


class JobInfo(Struct, frozen=True, kw_only=True):
    """A job as every replica may know it, from the start to the end of the retention.

    The fields are enough to find a job and to judge a start, in a few hundred bytes: Redis holds
    several copies, and every question reads a copy.  The request itself is the journal's to keep.
    `place`: see Entered; 0 before the job was entered, and where the place is not known any more.
    """

    job_id: str
    conversation_id: str
    message_id: str
    response_id: str
    user: str
    model: str
    endpoint: str = "agents"
    request_id: str | None = None
    request_digest: str | None = None
    api_request: ApiRequest | None = field(name="asked", default=None)
    place: int = 0


class DirectoryEntry(Struct, frozen=True, kw_only=True):
    """A job in the directory, as far as a question or an announcement needs the entry.

    `find` tells whose the job is: `owner`, since `epoch`.  `conversation` tells the `stage`, and of
    a queued turn the `rank` (see TurnRequest).  A replica announces a job of its own with `epoch`
    and `stage`, and a queued turn with the `rank`.  The fields that nobody told are empty, 0 and
    None.
    """

    info: JobInfo
    owner: str = ""
    epoch: int = 0
    stage: JobStage | None = None
    rank: int | None = None


def announced_stage(entry: DirectoryEntry) -> JobStage:
    assert entry.stage is not None, "a replica knows the stages of its own jobs"
    return entry.stage


class Entered(Struct, frozen=True):
    """The place of a new job among the jobs of its conversation.

    `before`: the conversation's jobs without an ending, in the order of their starts.
    `place`: the new job's own number in this order, from 1.  `queued`: the new job waits in the
    queue, and `begin` says when the turn has come.
    """

    before: Sequence[JobInfo]
    place: int
    queued: bool = False


class QueueLimits(Struct, frozen=True):
    """How many queued turns one conversation may have, and one user in all conversations."""

    per_conversation: int
    per_user: int


UNLIMITED: Final = QueueLimits(sys.maxsize, sys.maxsize)


class Joined(Struct, frozen=True):
    """The same request (`user`, `request_id`) started `first` before; nothing was entered."""

    first: JobInfo


class NotEntered(Struct, frozen=True):
    """Nothing was entered: the conversation is busy, or as much runs or waits as may.

    `too_many`: jobs of the user.  `queue_full`: queued turns of the conversation.
    `too_many_queued`: queued turns of the user.
    """

    reason: Literal["busy", "too_many", "queue_full", "too_many_queued"]


class IncompleteDirectory(StorageError):
    """The directory does not know all jobs (again) yet: a job that is absent may exist."""

    def __init__(self, lease: float) -> None:
        super().__init__(
            "The Redis that all replicas share was just started, or lost its contents: no start"
            f" can be decided until every replica has told its jobs again (up to {lease:g} s)."
        )


class Directory(Protocol):
    """The jobs of all replicas; the place where starts are decided, one after another.

    A newly born directory knows nothing: see `Liveness.is_whole`.  While the directory is not
    whole, and where the shared storage was born again since this replica's last look, a found job
    counts, and absence does not: IncompleteDirectory is raised instead of an answer.
    """

    async def enter(
        self, info: JobInfo, on_busy: OnBusy, *, max_per_user: int, queue: QueueLimits = UNLIMITED
    ) -> Entered | Joined | NotEntered:
        """Have this replica own a new job, at stage `waiting`, with epoch 1.

        A user's starts are decided one after another.  A repeated request joins the first request's
        job.  With `reject`, a conversation with an unfinished job is busy.  With `interrupt`, the
        jobs to be interrupted do not count towards `max_per_user`.  With `enqueue`, the job is
        queued behind unfinished jobs, as far as the limits of the `queue` go.

        Raises:
            IncompleteDirectory: whatever is found; nothing was entered.
        """
        ...

    async def begin(self, info: JobInfo, *, ended: Collection[str]) -> Sequence[JobInfo]:
        """Take a turn out of the queue if nothing is before it, and return nothing.

        Returns the jobs that must end before: all that run in the conversation, then the queued
        turns of a lower rank, or of the same rank and a lower place.  Jobs known to have `ended`
        (ids) do not count.  A turn outside the queue has begun, or was entered by a former version;
        such a turn waits for the unqueued jobs of a lower place.

        Raises:
            IncompleteDirectory: whatever is found.
        """
        ...

    async def move_to_front(self, info: JobInfo) -> int | None:
        """Give a queued turn a rank below all ranks of the user; None where it is not queued.

        Raises:
            IncompleteDirectory: whatever is found.
        """
        ...

    async def rank(self, info: JobInfo) -> int | None:
        """The rank of a queued turn; None where the turn is not queued.

        Raises:
            IncompleteDirectory: whatever is found.
        """
        ...

    async def withdraw(self, info: JobInfo) -> None:
        """Remove a job that came to nothing, or perhaps was never entered."""
        ...

    async def void(self, info: JobInfo, *, may_repeat: bool) -> None:
        """Note that a job ended before its beginning.

        `may_repeat`: the same request may start a job again.
        """
        ...

    async def reannounce(self, jobs: Sequence[DirectoryEntry]) -> None:
        """List all jobs of this replica, after the shared storage lost the directory.

        The journal's writer makes the jobs' places in the journal: see `Entries`.  Better knowledge
        of the directory stays: a later stage, a new owner, or a tombstone.  Of the queue the owner
        knows better: a turn is queued, with a rank, exactly where the entry says so.
        """
        ...

    async def find(self, job_id: str) -> DirectoryEntry | None:
        """A job and its owner, from the job's entry until the journal has forgotten the job.

        Raises:
            IncompleteDirectory: instead of None.
        """
        ...

    async def conversation(
        self, user: str, conversation_id: str, *, whole: bool = False
    ) -> Sequence[DirectoryEntry]:
        """In the order of their starts.  While the directory is not whole, some may be missing.

        Raises:
            IncompleteDirectory: instead of none at all; with `whole`, also where some may be
                missing.
        """
        ...

    async def running(self, user: str) -> Sequence[str]:
        """The conversations in which this user has a job that has not ended.

        While the directory is not whole, some may be missing.
        """
        ...

    async def request(self, user: str, request_id: str) -> JobInfo | None:
        """The job which this request started, for as long as there is a trace of the job.

        Raises:
            IncompleteDirectory: instead of None.
        """
        ...


class Liveness(Protocol):
    """Which replicas live, judged by signs of life and by this process's own clock alone.

    A replica is gone once the sign says "left", or has not changed for `lease` seconds in which
    every look succeeded.

    The shared storage has a birth: a random token, made by the first replica to find none, and lost
    when everything is lost.  Where only the last writes were lost, a replica finds an old sign of
    its own, and makes a new birth.  A sign of life names the last birth for which the replica has
    told all jobs.
    """

    async def beat(self) -> bool:
        """Give a sign of life and look for the other replicas' signs; call ten times in a lease.

        False where the shared storage lost everything: the birth differs from the birth of the last
        beat.  Then this replica tells everything again, to the journal, which makes the places of
        all jobs, and to the directory, and calls `told` at the end.
        """
        ...

    def told(self) -> None:
        """Note that this replica has told everything again since `beat` returned False.

        Other replicas learn this from the next sign.
        """
        ...

    def leaving(self) -> None:
        """Have the next signs say that this replica is about to leave."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether absence in the directory counts, as of the last look.

        Absence counts once every replica known to live has told all jobs for this birth, or is past
        the lease, and for as long as the birth stays.  A replica from before the loss knows the
        other replicas, judges by the local clock and marks the birth as whole in the storage.  A
        newcomer trusts the mark; without a mark, a newcomer knows the other replicas after watching
        for a lease.
        """
        ...

    def alive(self) -> Collection[str]:
        """The other living replicas, as of the last look."""
        ...

    def staying(self) -> Collection[str]:
        """The replicas of `alive`, without those about to leave."""
        ...

    async def leave(self) -> bool:
        """Be gone at once for everybody.

        False where the shared storage lost everything since the last `beat`: then this replica
        stays, because nobody else can tell again what the replica leaves to others.
        """
        ...


class Inbox(Protocol):
    """Packets between replicas, which arrive in the order of sending; some may be lost."""

    async def send(self, packets: Sequence[tuple[str, bytes]]) -> None:
        """Send each packet to the replica beside; a packet to a gone replica is dropped."""
        ...

    async def receive(self) -> Sequence[bytes]:
        """Wait for packets to this replica, and return all that are there, oldest first."""
        ...


class Replication(Protocol):
    """A replica's part in the shared storage: journal, directory, liveness, inbox and notices."""

    @property
    def me(self) -> str: ...

    @property
    def journal(self) -> Journal:
        """The journal whose owners are replicas: `take_over` takes the jobs of gone replicas.

        This journal keeps the directory true: a job's first event advances the job from `waiting`
        to `begun`, `mark_done` advances to `ended`, and `forget` removes the job's entry.  A job
        without any appended event is taken over, too, and is read as empty.
        """
        ...

    @property
    def directory(self) -> Directory: ...

    @property
    def liveness(self) -> Liveness: ...

    @property
    def post(self) -> Inbox: ...

    @property
    def notices(self) -> NoticeLog: ...
