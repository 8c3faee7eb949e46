"""The Responses API: create a response, whole, as events, or in the background."""

from typing import Any

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.actors.mailbox import ActorStopped
from legato.dialects.response_object import has_output, queued, resource, resource_now
from legato.events import Failed
from legato.http.openai.callers import JOB_HEADER, is_bound, request_id
from legato.http.openai.outcomes import Lost, Unanswered
from legato.http.openai.responses.bodies import ResponseHeaders, ResponseObject, ResponseStream
from legato.http.openai.responses.creation import Begun, begin_response
from legato.http.openai.responses.lookup import content_of
from legato.http.openai.responses.request import API, PATHS, ResponseBody
from legato.http.openai.unknown_tools import name_left_out
from legato.http.openapi import describe
from legato.http.request_context import body_of, reply
from legato.http.streams.sse import stream_response
from legato.http.streams.streaming import Reading, awaited

responses = Blueprint("responses", __name__)
tag_blueprint(responses, ["OpenAI"])


@responses.post(PATHS[0])
@responses.post(PATHS[1])
@describe(
    ResponseObject | ResponseStream,
    body=ResponseBody,
    headers=ResponseHeaders,
    refusals=(400, 403, 404, 409, 413, 422, 429, 502, 503),
)
async def create() -> Response:
    """Answer this input: whole, as events (`stream`), or without waiting (`background`).

    `X-Legato-Job` in the reply names the generation, `X-Legato-Tools-Left-Out` the types of tools
    that nobody here runs.
    """
    body = await body_of(ResponseBody)
    bound = is_bound(body.cancel_on_disconnect) and not body.background
    begun = await begin_response(body, request_id=request_id(API), is_bound=bound)
    if body.stream:
        response = stream_response(Reading(begun.job, API, "beginning", is_bound=bound))
    elif body.background:
        response = reply(await _at_once(begun))
    else:
        response = await _whole(begun, is_bound=bound)
    response.headers[JOB_HEADER] = begun.job.job_id
    name_left_out(begun.left_out, response)
    return response


async def _at_once(begun: Begun) -> dict[str, Any]:
    """The queued response; for a repeated request the first request's response at this moment."""
    if not begun.joined:
        return queued(begun.created)
    try:
        status = await begun.job.status()
    except ActorStopped:
        raise Lost from None
    return resource_now(status.snapshot, status.ending)


async def _whole(begun: Begun, *, is_bound: bool) -> Response:
    """The ended response; a failure before the first word is refused with an HTTP error instead."""
    try:
        async with awaited(begun.job, is_bound=is_bound):
            ending = await begun.job.ended()
    except ActorStopped:
        raise Lost from None
    # Of the ending alone: whoever deletes the response lets go of the job right behind the ending.
    content = content_of(ending)
    if isinstance(ending, Failed) and not has_output(content):
        raise Unanswered(begun.job, ending)
    return reply(resource(begun.created, content, ending))
