"""Requests for leave in earlier answers, and the decisions of a request on them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from legato.agents.definition import Agent
from legato.content import Leave, ToolCallPart
from legato.dialects.leave_requests import requests_in
from legato.dialects.response_object import PREFIX
from legato.events import AnyEnding, Finished
from legato.http.errors import InvalidField
from legato.storage.contracts.responses import StoredResponse

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
        found |= waiting_in(response.ending, job_id)
    return found


def waiting_in(ending: AnyEnding | None, job_id: str) -> Requested:
    """The calls that wait in an ended answer.  After a cut none waits: the model asks anew."""
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
