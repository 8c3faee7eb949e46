"""What came of a generation that an API asked for: the object, or how it failed over HTTP."""

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from legato.actors.ref import JobRef
from legato.dialects.completion_object import STOPPED, completion, error_of
from legato.events import AnyEnding, Failed, Stopped
from legato.http.errors import RequestError
from legato.http.openai.callers import JOB_HEADER

STATUSES: Final[Mapping[str, int]] = {
    STOPPED: 409,
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
"""By the reason of a failure; clients choose their exception, and whether to try again, by it."""

_FOR_GOOD: Final = (STOPPED, "insufficient_quota")
"""To the SDKs their statuses, 409 and 429, alone say that the same should be asked again."""


class Lost(RequestError):
    """The generation went before its ending: its owner was lost.  To try again may help."""

    status = 503

    def __init__(self) -> None:
        super().__init__("The generation was lost before its end.", code="generation_lost")


def completion_of(job: JobRef, ending: AnyEnding) -> Mapping[str, Any] | None:
    """The whole object, as far as there is one."""
    return completion(job.response_id, job.created_at // 1000, ending)


class Unanswered(RequestError):
    """A generation that failed, or was stopped, before its client was promised anything."""

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
