"""How long the ending of a job may wait until it is said."""

import trio

from legato.actors.mailbox import ActorRef
from legato.actors.memoir import Memoir
from legato.actors.messages import JobMessage, Overdue, Settled


async def give_up(job: ActorRef[JobMessage], memoir: Memoir, store_timeout: float) -> None:
    """Tell the job when it has waited long enough for its ending to be stored.

    Not a deadline around the work: a thread that hangs would hold that up too.
    """
    await _kept(job, memoir, store_timeout)
    await trio.sleep(store_timeout)
    await job.tell(Settled(None, unsaved=True))


async def _kept(job: ActorRef[JobMessage], memoir: Memoir, store_timeout: float) -> None:
    """Wait for the journal, as long as it must have the ending before that is said."""
    with trio.move_on_after(memoir.patience):
        with trio.move_on_after(store_timeout) as time:
            await memoir.finished()
        if time.cancelled_caught:
            await job.tell(Overdue())
            await memoir.finished()
