"""What every journal of logs promises: a log outlives the process that says it."""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from legato.events import AnyEvent


class Entries(Struct, frozen=True):
    """Neighbouring events of one job's log; `events[0]` is at the position `first`, from 1.

    `epoch` is the owner's.  With no events and `first` 1 the journal learns only that the job
    exists, and whose it is.
    """

    job_id: str
    epoch: int
    first: int
    events: tuple[AnyEvent, ...]

    @property
    def last(self) -> int:
        """The position of the last event; `first - 1` without any."""
        return self.first + len(self.events) - 1


class OrphanedJob(Struct, frozen=True):
    """A job that was without an owner, and is this one's now.

    `epoch`: what its new owner appends has this.  `attempts`: how often the job was taken over
    since anything was appended to it or it was marked as done, this time included.
    """

    job_id: str
    epoch: int
    attempts: int
    marked_done: bool


class Kept(Struct, frozen=True):
    """A job's entries in a journal, in the order in which they were kept.

    Every entries begin at or below the position after those before them.  What they say again
    replaces what stood there, where they are of a later epoch, and repeats it otherwise.  What
    follows a gap is left out, until entries follow that begin at or below the gap: those heal it.
    `fault` says why that is not all, where nothing healed it.
    """

    entries: Sequence[Entries]
    fault: str | None = None


class Refusal(Struct, frozen=True):
    """Entries that were not kept, and why trying again cannot help.

    `fenced`: the job has another owner now, with a later epoch, or had one and was forgotten.
    `forgotten`: what came before them is not in the journal (any more); then all has to be told
    from position 1.
    """

    job_id: str
    reason: Literal["fenced", "forgotten"]


class Journal(Protocol):
    """The logs of jobs, which outlive the processes of the jobs.

    A job is done once its ending is in here and what that says is stored.  A journal has an
    owner: who opened it.  Jobs belong to the owner who appended to them first, with epoch 1, until
    another takes them over, or, where that is not in here any more, appends with a later epoch.
    Every method raises StorageError where the storage fails or is closed.  One that is cancelled
    has done all of its work or none; after an error that is not certain, and the same may be said
    again.
    """

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        """Keep all of these that are not refused; on return no end of the process can lose them.

        A batch has one `Entries` of a job at most.  The journal holds no gap: it refuses as
        forgotten what begins above the position after the last event that is kept.  Say 1 to 5 are
        kept, and 5 is lost with a server that failed: 6 is refused, 1 to 6 are not.  What begins
        lower is kept, too: of a later epoch it replaces what stands from there on; of the same it
        is a repetition, of which only what goes beyond the last event is new.

        Raises:
            UnstorableText: if one of them holds what cannot be kept; then none is.
        """
        ...

    async def take_over(self) -> Sequence[OrphanedJob]:
        """Make this the owner of all jobs whose owner is gone.

        Returns them in the order of their ids, and again what it took over before and nobody heard
        of, or, perhaps, what nothing was appended to since.  From then on, whatever their former
        owners append is refused as fenced.
        """
        ...

    async def read(self, job_id: str) -> Kept: ...

    async def mark_done(self, job_ids: Sequence[str]) -> None:
        """Note that nothing is left to be done for them but to let them be read.

        What is another owner's by now stays as it is, here and where it is forgotten.
        """
        ...

    async def forget(self, job_ids: Sequence[str]) -> None:
        """Nobody may read them any more.

        Of a job that had a former owner a tombstone stays, for about a day: whatever a former owner
        appends is fenced.  Nothing else knows of it; its last owner may tell it from position 1.
        """
        ...

    def abandon(self) -> None:
        """See Records."""
        ...
