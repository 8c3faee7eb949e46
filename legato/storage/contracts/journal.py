"""The contract for journals: a job's log outlives the process that runs the job."""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from legato.events import AnyEvent


class Entries(Struct, frozen=True):
    """Neighbouring events of one job's log; `events[0]` is at the position `first`, from 1.

    `epoch` is the owner's.  Entries without events, with `first` 1, tell the journal only the job
    and the job's owner.
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
    """A job that had no living owner, and belongs to this journal's owner now.

    `epoch`: the epoch of all that the new owner appends.  `attempts`: how many times the job was
    taken over, this time included, since the last append, or since the job was marked as done.
    """

    job_id: str
    epoch: int
    attempts: int
    marked_done: bool


class Kept(Struct, frozen=True):
    """A job's entries in a journal, in the order in which they were kept.

    All entries begin at or below the position after the entries before.  Where a position is
    repeated, entries of a later epoch replace the former ones, and entries of the same epoch are a
    repetition.  Entries that follow a gap are left out, until later entries begin at or below the
    gap and heal the log.  `fault` says why a part of the log is missing, where nothing healed the
    gap.
    """

    entries: Sequence[Entries]
    fault: str | None = None


class Refusal(Struct, frozen=True):
    """Entries that were not kept, and why trying again cannot help.

    `fenced`: the job has another owner now, with a later epoch, or had a later owner and was
    forgotten.
    `forgotten`: the entries before these are not in the journal (any more); the owner then tells
    the whole log from position 1.
    """

    job_id: str
    reason: Literal["fenced", "forgotten"]


class Journal(Protocol):
    """The logs of jobs, which outlive the processes that run the jobs.

    A job is done once the journal has the ending and the records have the answer.  A journal has an
    owner, the process that opened the journal.  A job belongs to the first owner to append, with
    epoch 1, until a later owner takes the job over; a job lost from the journal belongs to the next
    owner to append, with a later epoch.

    Every method raises StorageError where the storage fails or is closed.  A cancelled method has
    done all of the work or none; after an error the outcome is not certain, and the call may be
    repeated.
    """

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        """Keep all entries but the refused; on return no end of the process loses an entry.

        A batch never has two `Entries` of a job.  The journal holds no gap: entries beginning above
        the position after the last kept event are refused as forgotten.  Say 1 to 5 are kept, and 5
        is lost with a server that failed: 6 is refused, 1 to 6 are not.  Entries that begin lower
        are kept, too: in a later epoch the new entries replace everything from the first position
        on; in the same epoch only events beyond the last kept position are new.

        Raises:
            UnstorableText: if a text of any event cannot be kept; then nothing of the batch is.
        """
        ...

    async def take_over(self) -> Sequence[OrphanedJob]:
        """Make this journal's owner the owner of all jobs whose owner is gone.

        Returns these jobs in the order of their ids.  A takeover that nobody heard of is returned
        again, and perhaps also a job to which nothing was appended since.  From then on, appends by
        the former owners are refused as fenced.

        Among replicas none is returned while absence in the directory does not count (see
        Liveness): the storage lost its last writes, perhaps another replica's take-over.
        """
        ...

    async def read(self, job_id: str) -> Kept: ...

    async def read_all(self, job_ids: Sequence[str]) -> Sequence[Kept]:
        """Read some logs together, in the order of the ids: cheaper than one after another."""
        ...

    async def mark_done(self, job_ids: Sequence[str]) -> None:
        """Note that these jobs are done: only readers are interested from now on.

        Jobs of a later owner are left as found, and forgotten jobs stay forgotten.
        """
        ...

    async def forget(self, job_ids: Sequence[str]) -> None:
        """Remove these jobs' logs, for good.

        A job with a former owner leaves a tombstone for about a day: appends by a former owner are
        fenced.  Nothing else knows of the job; the last owner may tell the log again from position
        1.
        """
        ...

    def abandon(self) -> None:
        """See Records."""
        ...
