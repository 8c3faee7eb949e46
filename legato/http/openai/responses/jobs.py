"""Existing responses: read, follow, cancel, delete."""

from msgspec import UNSET, UnsetType
from msgspec.structs import replace
from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.actors.mailbox import ActorStopped
from legato.actors.ref import JobRef
from legato.actors.stream.places import OutOfReach
from legato.http.errors import InvalidField
from legato.http.openai.callers import CURSOR_HEADER
from legato.http.openai.item_pages import ItemPage, ItemsQuery, page_of
from legato.http.openai.responses.bodies import (
    ResponseDeleted,
    ResponseObject,
    ResponseQuery,
    ResponseStream,
)
from legato.http.openai.responses.lookup import FoundResponse, ResponseNotFound, known_response
from legato.http.openai.responses.request import API, PATHS
from legato.http.openapi import describe
from legato.http.request_context import query_of, reply, runtime, user
from legato.http.streams.sse import stream_response
from legato.http.streams.streaming import Reading

response_jobs = Blueprint("response_jobs", __name__)
tag_blueprint(response_jobs, ["OpenAI"])


@response_jobs.get(f"{PATHS[0]}/<response_id>")
@response_jobs.get(f"{PATHS[1]}/<response_id>")
@describe(ResponseObject | ResponseStream, query=ResponseQuery, refusals=(400, 404))
async def retrieve(response_id: str) -> Response:
    """A response at this moment; with `stream=true` the events, from the first or after a number.

    Every response can be followed, however created, while running and, after the end, for as long
    as ended generations can be replayed (ten minutes).
    """
    query = query_of(ResponseQuery)
    known = await known_response(response_id)
    if not query.stream:
        return reply(known.resource())
    try:
        return stream_response(await _reading(known.job, query.starting_after))
    except ActorStopped:
        raise ResponseNotFound(response_id) from None


async def _reading(job: JobRef | None, starting_after: int | UnsetType) -> Reading:
    """The events to read.  Raises ActorStopped where the events are gone."""
    if job is None:
        raise ActorStopped
    if starting_after is UNSET:
        return Reading(job, API, "beginning")
    try:
        located = await job.locate(API, starting_after)
    except OutOfReach as error:
        given = f"found {starting_after}; the last event so far is {error.last}"
        raise InvalidField("starting_after", given) from None
    return Reading(job, API, located.cursor, located.frames)


@response_jobs.post(f"{PATHS[0]}/<response_id>/cancel")
@response_jobs.post(f"{PATHS[1]}/<response_id>/cancel")
@describe(ResponseObject, refusals=(404,))
async def cancel(response_id: str) -> Response:
    """Stop a response; an ended response stays unchanged.  On return the provider is closed.

    The header `X-Legato-Cursor` has the position at which the reply is true, because the object
    has no field for a cursor.
    """
    known = await _stopped(await known_response(response_id))
    response = reply(known.resource())
    if known.status is not None:
        response.headers[CURSOR_HEADER] = str(known.status.cursor)
    return response


async def _stopped(known: FoundResponse) -> FoundResponse:
    if known.job is None or not known.is_running:
        return known
    try:
        await known.job.stop()
        return replace(known, status=await known.job.status())
    except ActorStopped:
        return await known_response(known.job.response_id)


@response_jobs.delete(f"{PATHS[0]}/<response_id>")
@response_jobs.delete(f"{PATHS[1]}/<response_id>")
@describe(ResponseDeleted, refusals=(404,))
async def delete(response_id: str) -> Response:
    """Stop a running response, and delete the response.  Responses after this one cannot go on."""
    known = await known_response(response_id)
    if known.job is not None:
        await runtime().jobs.discard(known.job.job_id)
    await runtime().records.responses.delete(user(), response_id)
    return reply(ResponseDeleted(id=response_id))


@response_jobs.get(f"{PATHS[0]}/<response_id>/input_items")
@response_jobs.get(f"{PATHS[1]}/<response_id>/input_items")
@describe(ItemPage, query=ItemsQuery, refusals=(400, 404))
async def input_items(response_id: str) -> Response:
    """The items of the request itself, without the items of earlier responses."""
    query = query_of(ItemsQuery)
    stored = (await known_response(response_id)).stored
    return reply(page_of(stored.items if stored else (), query))
