"""The questions of a run to somebody outside, and the outcome of an answer.  Pure.

An ask is named after its job's message and its tool call's place, and is the same in every process.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import json
from msgspec.structs import replace

from legato.agents.tools.bounds import as_result
from legato.agents.tools.contract import InputRequired, ToolDefinition, ToolOutput
from legato.content import Leave, ToolCall
from legato.events import Answered, Asked, Snapshot
from legato.models.contract import Json

DENIED: Final = "The user did not allow this call, which was not made."
EXPIRED: Final = "Nobody answered in time, and the call was not made."
UNASKED: Final = (
    "The call waits for input that nobody can give before this answer ends.  Ask the user in your "
    "answer, and call the tool again with what the user says."
)


def asks_at(index: int, snapshot: Snapshot) -> list[Asked]:
    """The asks for the tool call at `index`, in their order."""
    return [ask for ask in snapshot.asks if ask.index == index]


def approval(index: int, call: ToolCall, tool: ToolDefinition, snapshot: Snapshot) -> Asked:
    """Ask for leave to make a call."""
    payload = {
        "tool_call_id": call.id,
        "name": call.name,
        "arguments": call.args,
        "description": tool.description,
    }
    return _ask(
        "approval",
        index,
        payload,
        ("approve", "deny", "edit", "answer"),
        snapshot,
        dict(tool.schema),
    )


def client_call(index: int, call: ToolCall, snapshot: Snapshot) -> Asked:
    """Ask the client to make a call of its own tool."""
    payload = {"tool_call_id": call.id, "name": call.name, "arguments": call.args}
    return _ask("client_tool", index, payload, ("answer", "deny"), snapshot, None)


def elicitation(index: int, call: ToolCall, needed: InputRequired, snapshot: Snapshot) -> Asked:
    """Ask for the input of a tool, or, on the model's behalf, for an answer."""
    payload = {"tool_call_id": call.id, "name": call.name, "requests": dict(needed.requests)}
    return _ask(
        needed.kind,
        index,
        payload,
        ("answer", "deny"),
        snapshot,
        _schema_of(needed.requests),
        needed.state,
    )


def _ask(
    kind: Any,
    index: int,
    payload: Mapping[str, Any],
    allowed: tuple[Any, ...],
    snapshot: Snapshot,
    schema: Mapping[str, Any] | None,
    state: str | None = None,
) -> Asked:
    assert snapshot.created is not None, "a run begins after its question"
    number = len(asks_at(index, snapshot))
    return Asked(
        ask_id=f"ask_{snapshot.created.response_id}_{index}_{number}",
        kind=kind,
        index=index,
        payload=payload,
        allowed=allowed,
        response_schema=schema or None,
        state=state,
    )


def _schema_of(requests: Mapping[str, Json]) -> dict[str, Any] | None:
    """The schema of an answer: one request's own, or an object with a field for each."""
    schemas = {key: _requested(request) for key, request in requests.items()}
    if len(schemas) == 1:
        return next(iter(schemas.values()))
    properties = {key: schema or {} for key, schema in schemas.items()}
    return {"type": "object", "properties": properties, "required": list(schemas)}


def _requested(request: Json) -> dict[str, Any] | None:
    params = request.get("params") if isinstance(request, dict) else None
    schema = params.get("requestedSchema") if isinstance(params, dict) else None
    return schema if isinstance(schema, dict) else None


def without_call(answer: Answered) -> ToolOutput | None:
    """The result of a call that is not made; None where the call is made."""
    match answer.decision:
        case "deny":
            return denied(Leave(approve=False, reason=answer.reason))
        case "expired" | "cancel":
            return ToolOutput(EXPIRED, is_error=True)
        case "answer":
            return ToolOutput(as_result(answer.value))
        case _:
            return None


def denied(leave: Leave) -> ToolOutput | None:
    """The result of a call that somebody did not allow; None where the call is made."""
    if leave.approve:
        return None
    return ToolOutput(f"{DENIED}  {leave.reason}".rstrip(), is_error=True)


def unasked(needed: InputRequired) -> str:
    """The text for the model about a call that needs input, where nobody can be asked."""
    questions = [_message(request) for request in needed.requests.values()]
    return "\n".join([UNASKED, *filter(None, questions)])


def _message(request: Json) -> str:
    params = request.get("params") if isinstance(request, dict) else None
    message = params.get("message") if isinstance(params, dict) else None
    return message if isinstance(message, str) else ""


def edited(call: ToolCall, answer: Answered) -> ToolCall:
    """The call as it was allowed: with other arguments where they were edited.

    All else stays, also the name of the task as which the call goes on.
    """
    if answer.decision != "edit":
        return call
    return replace(call, args=json.encode(answer.value).decode())


def input_of(ask: Asked, answer: Answered) -> Mapping[str, Json]:
    """The answers to a tool's requests: an action for each, and the content where there is one."""
    requests = ask.payload["requests"]
    if answer.decision != "answer":
        return {key: {"action": "decline"} for key in requests}
    return {key: {"action": "accept", "content": value} for key, value in _values(requests, answer)}


def _values(requests: Mapping[str, Any], answer: Answered) -> Iterator[tuple[str, Json]]:
    if len(requests) == 1:
        yield next(iter(requests)), answer.value
        return
    for key in requests:
        yield key, answer.value.get(key) if isinstance(answer.value, dict) else None
