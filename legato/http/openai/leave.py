"""Requests for leave in earlier answers, and the decisions of a request on them."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from legato.actors.mailbox import ActorStopped
from legato.agents.definition import Agent
from legato.content import Leave, ToolCallPart
from legato.dialects.leave_requests import requests_in
from legato.dialects.response_object import PREFIX
from legato.events import AnyEnding, Finished
from legato.http.errors import InvalidField
from legato.http.request_context import runtime, user
from legato.storage.contracts.responses import (
    LARGEST_CHAIN,
    ChainTooLarge,
    StoredResponse,
    entries_of,
)

Requested = Mapping[str, ToolCallPart]
"""The calls that wait for a decision, by the ids of the requests."""


MOST: Final = 128
"""Requests for leave that one request names: for each, an answer may have to be looked for."""


class LeaveDecision(Struct, frozen=True):
    """A decision on a request for leave.  `field`: the place in the body, for refusals."""

    field: str
    request_id: str
    approve: bool
    reason: str = ""


def requested_in(before: Iterable[StoredResponse]) -> Requested:
    """The calls that wait in stored responses."""
    found: dict[str, ToolCallPart] = {}
    for response in before:
        job_id = response.response_id.removeprefix(PREFIX)
        found |= _waiting(response.ending, job_id)
    return found


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
        return _waiting((await job.status()).ending, job_id)
    except ActorStopped:
        return {}


def _waiting(ending: AnyEnding | None, job_id: str) -> Requested:
    """No call waits in an answer that was cut: the model asks anew."""
    if not isinstance(ending, Finished) or ending.response is None:
        return {}
    return requests_in(ending.response.content or (), job_id)


def decided(
    decisions: Sequence[LeaveDecision], still_open: Iterable[str], found: Requested
) -> tuple[ToolCallPart, ...]:
    """The calls for the next run to begin with: decided, or `still_open`, in the order of `found`.

    Raises:
        InvalidField: for two decisions on one request, and for a request that does not wait.
    """
    leaves: dict[str, Leave] = {}
    for each in decisions:
        leave = Leave(each.request_id, each.approve, each.reason)
        if each.request_id not in found:
            missing = "names no request for leave that waits for a decision, or not any more"
            raise InvalidField(each.field, f"{each.request_id!r:.80} {missing}")
        if leaves.setdefault(each.request_id, leave) != leave:
            raise InvalidField(each.field, f"found a second decision on {each.request_id!r:.80}")
    every = leaves | {each: Leave(each) for each in still_open if each not in leaves}
    return tuple(
        replace(part, tool_call=replace(part.tool_call, leave=every[request_id]))
        for request_id, part in found.items()
        if request_id in every
    )


def agents_from(
    agents: tuple[Agent, ...], kept: Sequence[ToolCallPart], field: str
) -> tuple[Agent, ...]:
    """The agents of the next run: the one whose calls were decided on begins.

    Raises:
        InvalidField: where the request names other agents, or decides on calls of several.
    """
    deciding = [each for each in kept if not each.tool_call.is_undecided] or kept
    named = {each.agent_id for each in deciding}
    if not named:
        return agents
    if len(named) > 1:
        raise InvalidField(field, "decides on calls of several agents; one agent at a time goes on")
    first = [agent for agent in agents if agent.id in named]
    if not first:
        raise InvalidField("model", "is not the agent that asked for leave")
    return (*first, *(agent for agent in agents if agent.id not in named))
