"""The outcome of an API's generation: the object, or the failure as an HTTP error."""

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from legato.actors.durability.recorder import DECIDED
from legato.actors.ref import JobRef
from legato.dialects.completion_object import STOPPED, completion, error_of
from legato.events import AnyEnding, Failed, Stopped
from legato.http.errors import RequestError
from legato.http.openai.callers import JOB_HEADER

STATUSES: Final[Mapping[str, int]] = {
    STOPPED: 409,
    DECIDED: 409,
    "storage_quota": 403,
    "invalid_parameters": 400,
    "unstorable_text": 400,
    "provider_rejected": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "insufficient_quota": 429,
    "provider_rate_limited": 429,
    "provider_unreachable": 502,
    "provider_error": 502,
    "provider_cut": 502,
    "storage_unavailable": 503,
    "server_restart": 503,
    "model_idle_timeout": 504,
    "max_duration": 504,
}
"""Statuses by the reason of a failure; by the status clients choose an exception, and whether to
try again."""

_FOR_GOOD: Final = (STOPPED, DECIDED, "insufficient_quota")
"""Reasons for which a retry is of no use, though the SDKs retry after the statuses 409 and 429."""


class Lost(RequestError):
    """The generation was lost with the owner, before the ending.  To try again may help."""

    status = 503

    def __init__(self) -> None:
        super().__init__("The generation was lost before its end.", code="generation_lost")


def completion_of(
    job: JobRef, ending: AnyEnding, *, functions: bool = False
) -> Mapping[str, Any] | None:
    """The completion object; None where no answer was begun.  `functions`: see Echo."""
    return completion(job.response_id, job.created_at // 1000, ending, functions=functions)


class Unanswered(RequestError):
    """A generation that failed, or was stopped, before the client got a status."""

    error = "Generation failed"

    def __init__(self, job: JobRef, ending: Failed | Stopped) -> None:
        error = error_of(ending)
        super().__init__(error["message"], code=error["code"])
        self.status = STATUSES.get(error["code"], 500)
        self.headers = {JOB_HEADER: job.job_id}
        if error["code"] in _FOR_GOOD:
            self.headers |= {"X-Should-Retry": "false"}
        if isinstance(ending, Failed) and ending.retry_after is not None:
            self.headers |= {"Retry-After": str(ceil(ending.retry_after))}
