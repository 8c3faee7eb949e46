"""The turn that a steer was promised, from the log of the job before.

A replica may die when the directory has the turn, and the turn's own log is still empty.  The log
of the job before is kept by then, and stays until the turn is kept as well.
"""

from msgspec.structs import replace

from legato.actors.conversation.turn import Turn, followed
from legato.actors.durability.replay import Replay
from legato.storage.contracts.journal import Journal


async def promised_turn(known: Turn, journal: Journal) -> Turn | None:
    """The whole turn, of which `known` is what the directory has; None where no steer is to become
    the turn, or the job before is gone.

    Raises:
        StorageError: if the log of the job before cannot be read.
    """
    if (job_id := followed(known)) is None:
        return None
    turns = Replay(await journal.read(job_id)).snapshot.next_turns
    found = (Turn.of(each) for each in turns if each.job_id == known.job_id)
    return next((replace(turn, place=known.place) for turn in found), None)
