"""A response by id: the job while the job is there, and the stored response."""

from contextlib import suppress
from typing import Any, Final

from msgspec import Struct

from legato.actors.ending import RESTART
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Status
from legato.actors.ref import JobRef
from legato.dialects.response_object import PREFIX, queued, resource, resource_now
from legato.events import AnyEnding, Failed
from legato.http.errors import NotFound
from legato.http.request_context import runtime, user
from legato.storage.contracts.responses import StoredResponse, is_change

LOST: Final = Failed(reason=RESTART.reason, message=RESTART.message)


class ResponseNotFound(NotFound):
    def __init__(self, response_id: str) -> None:
        super().__init__(f"Response with id {response_id[:80]!r} not found.", param="response_id")


class FoundResponse(Struct, frozen=True):
    """`status` is the job's; `stored` was read later, so an ended job's answer is in `stored`."""

    job: JobRef | None
    status: Status | None
    stored: StoredResponse | None

    @property
    def is_running(self) -> bool:
        return self.status is not None and self.status.ending is None

    @property
    def has_begun(self) -> bool:
        return self.status is not None and self.status.snapshot.created is not None

    @property
    def ending(self) -> AnyEnding | None:
        """How the response ended, as said or as stored; None while the response runs."""
        if self.is_running:
            return None
        said = self.status.ending if self.status is not None else None
        kept = self.stored.ending if self.stored is not None else None
        return said or kept or LOST

    def resource(self) -> dict[str, Any]:
        """The response object at this moment.

        A stored response without an ending and without a job was cut off before any ending was
        said, and counts as failed.
        """
        if self.status is not None and self.has_begun:
            return resource_now(self.status.snapshot, self.status.ending)
        assert self.stored is not None, "one of the two is there"
        if self.is_running:
            return queued(self.stored.created)
        ending = self.stored.ending or LOST
        return resource(self.stored.created, content_of(ending), ending)


def content_of(ending: AnyEnding) -> Any:
    return (ending.response.content or ()) if ending.response else ()


async def known_response(response_id: str) -> FoundResponse:
    """This user's response of that id.  With `store` false, a response is known only while running.

    Raises:
        ResponseNotFound
    """
    if is_change(response_id):
        raise ResponseNotFound(response_id)
    job, status = await job_of(response_id), None
    if job is not None:
        with suppress(ActorStopped):
            status = await job.status()
    known = FoundResponse(job, status, await runtime().records.responses.find(user(), response_id))
    if known.stored is None and not (known.is_running and known.has_begun):
        raise ResponseNotFound(response_id)
    return known


async def job_of(response_id: str) -> JobRef | None:
    """This user's job of the response of exactly that id; None where there is no job."""
    job_id = response_id.removeprefix(PREFIX)
    job = await runtime().jobs.whereis(user(), job_id)
    if job is None or (job.job_id, job.user, job.response_id) != (job_id, user(), response_id):
        return None
    return job
