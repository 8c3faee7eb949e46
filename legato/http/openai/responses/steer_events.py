"""The events about steers over a WebSocket, and the words of a steer."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import trio
from msgspec import Struct

SteerEvent = Mapping[str, Any]


class SteerInput(Struct, frozen=True):
    """The input of a steer.  `replied` is set once the client was told `accepted` or `failed`."""

    input: str | list[Any]
    replied: trio.Event

    @property
    def items(self) -> list[Any]:
        if isinstance(self.input, str):
            return [{"role": "user", "content": self.input}]
        return self.input


def accepted(steer_id: str, response_id: str) -> SteerEvent:
    """Legato has the steer, and no model has read the words yet."""
    steer = {"id": steer_id, "previous_response_id": response_id}
    return {"type": "response.steer.accepted", "steer": steer}


def failed(
    code: str, message: str, given: Any, response_id: Any, steer_id: str | None = None
) -> SteerEvent:
    """No model reads the words `given`, which the client has back.  `steer_id`: if accepted."""
    steer = {"input": given, "previous_response_id": response_id}
    if steer_id is not None:
        steer["id"] = steer_id
    error = {"type": "invalid_request_error", "code": code, "message": message}
    return {"type": "response.steer.failed", "error": error, "steer": steer}


def pending(steer_id: str, response_id: str, required: Sequence[SteerEvent]) -> SteerEvent:
    """The words wait for the next request, which has the `required` items."""
    return {
        "type": "response.steer.pending",
        "steer": {"id": steer_id, "previous_response_id": response_id},
        "reason": "waiting_for_required_input",
        "required_input": required,
    }


def required_input(output: Iterable[SteerEvent]) -> list[SteerEvent]:
    """The items that a client sends after a response: without their contents."""
    required: list[SteerEvent] = []
    for item in output:
        match item["type"]:
            case "function_call" if item["status"] == "completed":
                stub = {"call_id": item["call_id"], "name": item["name"]}
                required.append({"type": "function_call_output", **stub})
            case "custom_tool_call" if item["status"] == "completed":
                required.append({"type": "custom_tool_call_output", "call_id": item["call_id"]})
            case "mcp_approval_request":
                stub = {"approval_request_id": item["id"]}
                required.append({"type": "mcp_approval_response", **stub})
    return required
