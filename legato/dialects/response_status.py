"""The status and the ending of a response, in the words of the Responses API. Pure."""

from typing import Final

from legato.dialects.response_items import Body, ItemStatus
from legato.events import AnyEnding, Failed, Finished, Stopped

_INCOMPLETE: Final = {
    "length": "max_output_tokens",
    "max_answer_bytes": "max_output_tokens",
    "content_filter": "content_filter",
    "steered": "steered",
}
_CODES: Final = {"provider_rate_limited": "rate_limit_exceeded"}  # what clients wait and retry for


def status_of(ending: AnyEnding | None) -> str:
    if ending is None:
        return "in_progress"
    if isinstance(ending, Finished):
        return "incomplete" if ending.reason in _INCOMPLETE else "completed"
    return "cancelled" if isinstance(ending, Stopped) else "failed"


def end_status(ending: AnyEnding | None) -> ItemStatus:
    """The status of items that are open at the ending."""
    if ending is None:
        return "in_progress"
    return "completed" if status_of(ending) == "completed" else "incomplete"


def end_type(ending: AnyEnding) -> str:
    """The type of the last event.  The API has no event for a cancelled response: the status says
    it."""
    status = status_of(ending)
    return f"response.{status}" if status != "cancelled" else "response.failed"


def unbegun(ending: AnyEnding) -> Body:
    """The error of a job that ended before a response began: clients raise an exception."""
    if isinstance(ending, Failed):
        return {"type": "server_error", "param": None, **_failure(ending)}
    stopped = {"code": "generation_stopped", "message": "The generation was stopped."}
    return {"type": "invalid_request_error", "param": None, **stopped}


def error_of(ending: AnyEnding | None) -> Body | None:
    return _failure(ending) if isinstance(ending, Failed) else None


def _failure(ending: Failed) -> Body:
    return {"code": _CODES.get(ending.reason, ending.reason), "message": ending.message}


def incomplete_of(ending: AnyEnding | None) -> Body | None:
    if isinstance(ending, Finished) and ending.reason in _INCOMPLETE:
        return {"reason": _INCOMPLETE[ending.reason]}
    return None
