"""What replicas promise each other through what they share: who lives, whose jobs, and packets.

Everything here is asked by one replica, whose id is `me`.  Every method raises StorageError where
the shared storage fails, refuses, or is closed; what a method did before that is not certain, and
the same may be asked again.
"""

from collections.abc import Collection, Sequence
from typing import Literal, Protocol

from msgspec import Struct, field

from legato.config import OnBusy
from legato.content import ApiRequest
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Journal

Stage = Literal["waiting", "begun", "ended", "void"]
"""Of a job: its user's message is not stored yet; it is; it has ended; it ended without begin."""


class JobInfo(Struct, frozen=True, kw_only=True):
    """A job as every replica may know it, from its start to the end of its retention.

    It has what finds a job and judges a start, in a few hundred bytes: an entry is kept in several
    places and read at every question.  What was asked for is the journal's to keep.

    `place`: see Entered; 0 before it was entered, and where it is not known any more.
    """

    job_id: str
    conversation_id: str
    message_id: str
    response_id: str
    user: str
    model: str
    endpoint: str = "agents"
    request_id: str | None = None
    api_request: ApiRequest | None = field(name="asked", default=None)
    place: int = 0


class DirectoryEntry(Struct, frozen=True, kw_only=True):
    """A job in the directory, as far as a question or an announcement needs the entry.

    `find` tells whose the job is: `owner`, since `epoch`.  `conversation` tells the `stage`.  A
    replica announces a job of its own with `epoch` and `stage`.  The fields that nobody told are
    empty, 0 and None.
    """

    info: JobInfo
    owner: str = ""
    epoch: int = 0
    stage: Stage | None = None


def announced_stage(entry: DirectoryEntry) -> Stage:
    assert entry.stage is not None, "a replica knows the stages of its own jobs"
    return entry.stage


class Entered(Struct, frozen=True):
    """`before`: the jobs of its conversation that had not ended, in the order of their starts.

    `place`: the job's own in that order, from 1.
    """

    before: Sequence[JobInfo]
    place: int


class Joined(Struct, frozen=True):
    """The same request (`user`, `request_id`) started `first` before; nothing was entered."""

    first: JobInfo


class Denied(Struct, frozen=True):
    """Nothing was entered: the conversation is busy, or the user has as many jobs as one may."""

    reason: Literal["busy", "too_many"]


class IncompleteDirectory(StorageError):
    """The directory does not know all jobs (again) yet: what is absent may be there."""

    def __init__(self, lease: float) -> None:
        super().__init__(
            "The storage that all replicas share was just started, or lost what it was told:"
            f" nothing can be decided before all have told it again, which takes up to {lease:g} s."
        )


class Directory(Protocol):
    """Which jobs there are in all replicas, and where starts are decided: one after another.

    A directory that was just born knows nothing: see `Liveness.is_whole`.  While it is not whole,
    and where the shared storage was born again since this replica's last look, what is there
    counts, and what is absent does not: IncompleteDirectory is raised instead of an answer.
    """

    async def enter(
        self, info: JobInfo, on_busy: OnBusy, *, max_per_user: int
    ) -> Entered | Joined | Denied:
        """Have this replica own a new job, at stage `waiting`, with epoch 1.

        Starts of one user are decided one after another.  A repeated request joins its first job.
        With `reject`, a conversation with a job that has not ended is busy.  With `interrupt`, the
        jobs that will be interrupted do not count towards `max_per_user`.

        Raises:
            IncompleteDirectory: whatever is found; nothing was entered.
        """
        ...

    async def withdraw(self, info: JobInfo) -> None:
        """It came to nothing, or may have never been entered: as if it had not been."""
        ...

    async def void(self, info: JobInfo, *, may_repeat: bool) -> None:
        """It ended before it began.  `may_repeat`: its request may start another job."""
        ...

    async def reannounce(self, jobs: Sequence[DirectoryEntry]) -> None:
        """List all jobs of this replica, after the shared storage lost what it was told.

        Their places in the journal are made by its writer: see `Entries`.  What the directory does
        know better stays as it is: a later stage, and a job that is another's by now, or forgotten.
        """
        ...

    async def find(self, job_id: str) -> DirectoryEntry | None:
        """From its entry until the journal has forgotten it.

        Raises:
            IncompleteDirectory: instead of None.
        """
        ...

    async def conversation(self, user: str, conversation_id: str) -> Sequence[DirectoryEntry]:
        """In the order of their starts.  While the directory is not whole, some may be missing.

        Raises:
            IncompleteDirectory: instead of none at all.
        """
        ...

    async def running(self, user: str) -> Sequence[str]:
        """The conversations in which this user has a job that has not ended.

        While the directory is not whole, some may be missing.
        """
        ...

    async def request(self, user: str, request_id: str) -> JobInfo | None:
        """The job which that request started, for as long as there is a trace of it.

        Raises:
            IncompleteDirectory: instead of None.
        """
        ...


class Liveness(Protocol):
    """Who is alive, judged by signs of life and this process's own clock, by nobody else's.

    A replica is gone once it said that it leaves, or once it was seen not to give a sign in `lease`
    seconds in which every look succeeded.

    The shared storage has a birth, a random token made by whoever finds none, which is lost with
    all else; where only the last writes were lost, whoever finds its own sign gone back makes
    another.  A sign of life names the birth for which its replica has told all that it owns.
    """

    async def beat(self) -> bool:
        """Give a sign of life and look for the others'; to be called ten times in a lease.

        False where the shared storage lost what it was told: its birth is not the one that the
        last beat saw.  Then all has to be told again: to the journal, which makes the places of all
        jobs, and to the directory; and once that is done, `told` is called.
        """
        ...

    def told(self) -> None:
        """This replica has told everything again since the last `beat` that returned False.

        The others know it from its next sign on.
        """
        ...

    def leaving(self) -> None:
        """Have the next signs say that this replica is about to leave."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether absence in the directory counts, as of the last look.

        It does once every replica that is known to live has told all for this birth, or its lease
        is over, and for as long as the birth stays.  Who knew the others before the loss judges by
        its own clock and marks the birth as whole in the storage.  A newcomer trusts the mark;
        without one, a newcomer knows the others once it has watched for a lease.
        """
        ...

    def alive(self) -> Collection[str]:
        """The other replicas that are not gone, as of the last look."""
        ...

    def staying(self) -> Collection[str]:
        """The replicas of `alive` that did not say they are about to leave."""
        ...

    async def leave(self) -> None:
        """Be gone at once for everybody."""
        ...


class Inbox(Protocol):
    """Packets between replicas.  They arrive in the order they were sent, but some may be lost."""

    async def send(self, packets: Sequence[tuple[str, bytes]]) -> None:
        """To each replica its packet.  What is sent to one that is gone goes nowhere."""
        ...

    async def receive(self) -> Sequence[bytes]:
        """Wait for packets to this replica; all that are there, oldest first."""
        ...


class Replication(Protocol):
    """All of it, as one replica has it."""

    @property
    def me(self) -> str: ...

    @property
    def journal(self) -> Journal:
        """The journal whose owners are replicas: it takes over the jobs of replicas that are gone.

        The journal keeps the directory true: a job's first event advances the job from `waiting`
        to `begun`, the mark that it is done to `ended`; to forget a job removes its entry.  A job
        of which nothing was appended is taken over, too: what is read of that job is empty.
        """
        ...

    @property
    def directory(self) -> Directory: ...

    @property
    def liveness(self) -> Liveness: ...

    @property
    def post(self) -> Inbox: ...
