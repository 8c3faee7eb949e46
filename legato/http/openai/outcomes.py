"""How a generation that an API asked for is waited for, and what its failures are over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import trio
from quart import Response

from legato.actors.ref import JobRef
from legato.dialects.completion_object import STOPPED, completion, error_of
from legato.events import AnyEnding, Failed, Stopped
from legato.http.errors import said
from legato.http.streaming import stop_left

STATUSES: Final[Mapping[str, int]] = {
    STOPPED: 409,
    "invalid_parameters": 400,
    "provider_rejected": 400,
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


@asynccontextmanager
async def bound(job: JobRef, *, is_bound: bool) -> AsyncIterator[None]:
    """Stop it where the client, for whom alone it is, leaves meanwhile."""
    try:
        yield
    except trio.Cancelled:
        if is_bound:
            await stop_left(job)
        raise


def completion_of(job: JobRef, ending: AnyEnding) -> Mapping[str, Any] | None:
    """The whole object, as far as there is one."""
    return completion(job.response_id, job.created_at // 1000, ending)


def refusal(ending: Failed | Stopped) -> Response:
    """What a client gets that was promised nothing yet."""
    error = error_of(ending)
    status = STATUSES.get(error["code"], 500)
    response = said(status, "Generation failed", error["message"], code=error["code"])
    if isinstance(ending, Stopped):
        response.headers["X-Should-Retry"] = "false"  # to the SDKs: 409 alone would say it should
    return response
