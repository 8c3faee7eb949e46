"""Finds the calls that wait for leave in a user's earlier answers."""

from collections.abc import Set

from legato.actors.mailbox import ActorStopped
from legato.dialects.response_object import PREFIX
from legato.http.errors import InvalidField
from legato.http.openai.leave import MOST, Requested, requested_in, waiting_in
from legato.http.request_context import runtime, user
from legato.storage.contracts.responses import LARGEST_CHAIN, ChainTooLarge, entries_of


async def requested(request_ids: Set[str]) -> Requested:
    """This user's calls that wait, of the answers that asked: stored, or still to be replayed.

    A request that nobody knows, or not any more, is left out.

    Raises:
        InvalidField: for too many requests, or for answers that are too large to read.
    """
    if not request_ids:
        return {}
    if len(request_ids) > MOST:
        raise InvalidField("input", f"names {len(request_ids)} requests; {MOST} are allowed")
    try:
        stored = await runtime().records.responses.holding(user(), request_ids)
    except ChainTooLarge:
        most = f"{LARGEST_CHAIN} bytes are allowed"
        raise InvalidField("input", f"names answers that are too large; {most}") from None
    found = {**requested_in(stored)}
    for each in request_ids - found.keys():
        for response_id in entries_of(each)[:1]:
            found |= await _replayed(response_id.removeprefix(PREFIX))
    return found


async def _replayed(job_id: str) -> Requested:
    """The calls that wait in the answer of a job that is still here."""
    job = await runtime().jobs.whereis(user(), job_id)
    if job is None or job.user != user() or job.job_id != job_id:
        return {}
    try:
        return waiting_in((await job.status()).ending, job_id)
    except ActorStopped:
        return {}
