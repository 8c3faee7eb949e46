"""A reader's position in a job's log.  Pure."""

from typing import NamedTuple, Self


class Cursor(NamedTuple):
    """A reader's position: opaque to clients, the `id:` of every frame.

    An *epoch* numbers the owners of a job.  The owner at epoch 1 says [1, 2, 3], and its journal
    keeps [1, 2].  The next owner goes on at epoch 2 from there, and says [1, 2, 3'].  Its
    *previous epochs* are {1: 2}: of epoch 1 the events up to 2 are left.  So cursors `job:1:2` and
    `job:2:3` hold, and their readers get what follows.  Cursor `job:1:3` names an event that is
    lost; its reader gets a snapshot.
    """

    job_id: str
    epoch: int
    seq: int

    def __str__(self) -> str:
        return f"{self.job_id}:{self.epoch}:{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError where `text` is not `job_id:epoch:seq` with plain decimal numbers."""
        job_id, epoch, seq = text.split(":")
        if not (job_id and _is_number(epoch) and _is_number(seq)):
            raise ValueError(f"a cursor is job_id:epoch:seq; found {text!r}")
        return cls(job_id, int(epoch), int(seq))


def _is_number(text: str) -> bool:
    # int() would take spaces, signs, underscores, other scripts' digits and 5,000 digits.
    return text.isascii() and text.isdigit() and len(text) <= 15
