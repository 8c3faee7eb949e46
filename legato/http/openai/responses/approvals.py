"""The requests for leave among the items of a request, and the decisions on them."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from legato.content import ToolCallPart
from legato.http.errors import InvalidField
from legato.http.openai.leave import LeaveDecision, Requested, decided
from legato.http.openai.responses.inputs import Item

REQUEST: Final = "mcp_approval_request"
RESPONSE: Final = "mcp_approval_response"
ID_PREFIX: Final = "mcpr_"


class Approvals(Struct, frozen=True):
    """`kept`: the calls for the run to begin with.  `passed`: the ids of the requests on which
    nobody decided before the user said something else."""

    kept: tuple[ToolCallPart, ...]
    passed: frozenset[str]


def ids_in(given: Any) -> set[str]:
    """The ids of the requests for leave in an unchecked input, named or referred to."""
    items = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    named = [item.get(field) for item in items for field in ("id", "approval_request_id")]
    return {each for each in named if isinstance(each, str) and each.startswith(ID_PREFIX)}


def approvals(earlier: Sequence[Item], items: Sequence[Item], found: Requested) -> Approvals:
    """The decisions of `items`, which come behind `earlier`, and the asks still open.

    `found`: the calls that wait.  A call that was made, or denied, is an `mcp_call` with the id of
    the request, and decided for good.

    Raises:
        InvalidField: where a decision is on no request that waits.
    """
    every = [*earlier, *items]
    asked = {item["id"]: place for place, item in enumerate(every) if item["type"] == REQUEST}
    done = {item.get("approval_request_id") for item in every if item["type"] == "mcp_call"}
    before = {item["approval_request_id"] for item in earlier if item["type"] == RESPONSE}
    decisions = [each for each in _decisions(items) if each.request_id not in done]
    for each in decisions:
        if each.request_id not in asked:
            raise InvalidField(each.field, f"no request {each.request_id!r:.80} came before")
    spoken = max((at for at, item in enumerate(every) if _is_said(item)), default=-1)
    waiting = [each for each in asked if each not in done | before and each in found]
    still_open = [each for each in waiting if asked[each] > spoken]
    named = {each.request_id for each in decisions}
    ordered = {each: found[each] for each in asked if each in found}
    kept = decided(decisions, still_open, ordered)
    return Approvals(kept, frozenset(asked.keys() - done - named - {*still_open}))


def _decisions(items: Sequence[Item]) -> Iterator[LeaveDecision]:
    for index, item in enumerate(items):
        if item["type"] == RESPONSE:
            field = f"input[{index}].approval_request_id"
            reason = item["reason"] or ""
            yield LeaveDecision(field, item["approval_request_id"], item["approve"], reason)


def _is_said(item: Item) -> bool:
    """Whether the item is new words, which pass over all requests before."""
    return item["type"] == "message" and bool(item["role"] != "assistant")
