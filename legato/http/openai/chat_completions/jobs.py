"""Routes beyond OpenAI's Chat Completions: to follow a completion again, and to cancel."""

from typing import Literal, assert_never

from msgspec import convert
from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.actors.mailbox import ActorStopped
from legato.actors.messages import StopReply
from legato.actors.ref import JobRef
from legato.actors.stream.places import OutOfReach, Start
from legato.dialects.completion_object import PREFIX, Echo, error_of
from legato.events import AnyEnding, Created, Cursor, Failed, Finished, Stopped
from legato.http.errors import NotFound, RequestError
from legato.http.input.bodies import StreamHeaders
from legato.http.openai.chat_completions.bodies import CancelReply, CompletionStream, PlaceQuery
from legato.http.openai.chat_completions.completions import PATHS
from legato.http.openai.chat_completions.prompts import API
from legato.http.openai.outcomes import completion_of
from legato.http.openapi import describe
from legato.http.request_context import no_content, place_asked, reply, runtime, user
from legato.http.streams.sse import stream_response
from legato.http.streams.streaming import Reading

completion_jobs = Blueprint("completion_jobs", __name__)
tag_blueprint(completion_jobs, ["OpenAI"])


class CursorRefused(RequestError):
    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}", param=param, code="invalid_cursor")


class CompletionNotFound(NotFound):
    def __init__(self, completion_id: str) -> None:
        super().__init__(f"There is no completion {completion_id!r:.80}, or not any more.")


@completion_jobs.get(f"{PATHS[0]}/<completion_id>/stream")
@completion_jobs.get(f"{PATHS[1]}/<completion_id>/stream")
@describe(CompletionStream, query=PlaceQuery, headers=StreamHeaders, refusals=(400, 404))
async def resume(completion_id: str) -> Response:
    """Follow a completion again, from the beginning or from a cursor.

    `Last-Event-ID` or `?after=` gives exactly the chunks that were missed, then all later chunks
    live.  After the cursor of `[DONE]` nothing follows: status 204.
    """
    job = await _job_of(completion_id)
    try:
        start, is_last = await _start(job)
        return no_content() if is_last else stream_response(Reading(job, API, start))
    except ActorStopped:
        raise CompletionNotFound(completion_id) from None


async def _job_of(completion_id: str) -> JobRef:
    """This user's completion of that id, or of the job's bare id."""
    job = await runtime().jobs.whereis(user(), completion_id.removeprefix(PREFIX))
    if job is None or job.user != user() or job.response_id != PREFIX + job.job_id:
        raise CompletionNotFound(completion_id)
    return job


async def _start(job: JobRef) -> tuple[Start, bool]:
    """The place from which the reader wants to begin, and whether that place is the end."""
    place = place_asked()
    if place is None:
        return "beginning", False
    name, given = place
    try:
        cursor = Cursor.parse(given)
        return cursor, (await job.locate(API, cursor)).is_last
    except ValueError:
        found = f"found {given!r:.80}; a cursor is job_id:epoch:seq, a chunk's id"
        raise CursorRefused(name, found) from None
    except OutOfReach:
        raise CursorRefused(name, "what followed it cannot be told; begin without it") from None


@completion_jobs.post(f"{PATHS[0]}/<completion_id>/cancel")
@completion_jobs.post(f"{PATHS[1]}/<completion_id>/cancel")
@describe(CancelReply, refusals=(404,))
async def cancel(completion_id: str) -> Response:
    """Stop a completion, and say how the generation ended.  On return the provider is closed."""
    job = await _job_of(completion_id)
    try:
        answer = await job.stop()
        return reply(_cancelled(job, answer, functions=_has_functions(await job.opened())))
    except ActorStopped:
        raise CompletionNotFound(completion_id) from None


def _has_functions(opened: Created | AnyEnding) -> bool:
    """Whether the completion's request has functions; False where the job was never opened."""
    api_request = opened.api_request if isinstance(opened, Created) else None
    return api_request is not None and convert(api_request.echo, Echo).functions


def _cancelled(job: JobRef, answer: StopReply, *, functions: bool) -> CancelReply:
    ending = answer.ending
    return CancelReply(
        id=job.response_id,
        cursor=str(answer.cursor),
        cancelled=not answer.already_ended,
        status=_manner(ending),
        completion=completion_of(job, ending, functions=functions),
        error=None if isinstance(ending, Finished) else error_of(ending),
    )


def _manner(ending: AnyEnding) -> Literal["finished", "stopped", "failed"]:
    match ending:
        case Finished():
            return "finished"
        case Stopped():
            return "stopped"
        case Failed():
            return "failed"
        case _:
            assert_never(ending)
