"""OpenAI's Chat Completions: messages in, their answer out, whole or chunk by chunk."""

from typing import Any, Final

import msgspec
from quart import Blueprint, Response, request
from quart_schema import tag_blueprint

from legato.actors.mailbox import ActorStopped
from legato.actors.ref import JobRef
from legato.actors.turn import Turn
from legato.events import Failed, Stopped
from legato.http.errors import InvalidField
from legato.http.openai.bodies import (
    CANCEL_HEADER,
    JOB_HEADER,
    KEY_HEADER,
    Completion,
    CompletionBody,
    CompletionHeaders,
    CompletionStream,
)
from legato.http.openai.outcomes import Lost, completion_of, refusal
from legato.http.openai.prompts import API, turn_of
from legato.http.openapi import describe
from legato.http.sse import stream_response
from legato.http.streaming import Reading, awaited
from legato.http.wire import body_of, reply, runtime, user

completions = Blueprint("chat_completions", __name__)
tag_blueprint(completions, ["OpenAI"])

PATHS: Final = ("/v1/chat/completions", "/api/agents/v1/chat/completions")


@completions.post(PATHS[0])
@completions.post(PATHS[1])
@describe(
    Completion | CompletionStream,
    body=CompletionBody,
    headers=CompletionHeaders,
    refusals=(400, 404, 409, 413, 429, 502, 503),
)
async def complete() -> Response:
    """Answer these messages, whole or, with `stream`, chunk by chunk.

    `X-Legato-Job` in the reply names the generation.  Where the provider refuses before its first
    word, a stream is refused with that reason, too.
    """
    body = await body_of(CompletionBody)
    turn = _turn(body, await body_of(dict[str, Any]))
    is_bound = _is_bound(body)
    job = (await runtime().jobs.start(turn, "enqueue")).job
    answer = _streamed if body.stream else _whole
    try:
        response = await answer(job, is_bound=is_bound)
    except ActorStopped:
        raise Lost from None
    response.headers[JOB_HEADER] = job.job_id
    return response


def _turn(body: CompletionBody, fields: dict[str, Any]) -> Turn:
    house = runtime()
    return turn_of(
        body,
        fields,
        user=user(),
        key=request.headers.get(KEY_HEADER),
        models=house.models,
        max_text=house.settings.limits.max_text_bytes,
    )


def _is_bound(body: CompletionBody) -> bool:
    """Whether the generation is for this client alone, and ends where that leaves."""
    if body.cancel_on_disconnect is not None:
        return body.cancel_on_disconnect
    given = request.headers.get(CANCEL_HEADER)
    if given is None:
        return KEY_HEADER not in request.headers
    try:
        return msgspec.convert(given.lower(), bool, strict=False)
    except msgspec.ValidationError:
        found = f"found {given!r:.80}"
        raise InvalidField(CANCEL_HEADER, f"{found}; true or false is allowed") from None


async def _streamed(job: JobRef, *, is_bound: bool) -> Response:
    async with awaited(job, is_bound=is_bound):
        ending = await job.answering()
    if isinstance(ending, Failed | Stopped):
        return refusal(ending)
    return stream_response(Reading(job, API, "beginning", is_bound=is_bound))


async def _whole(job: JobRef, *, is_bound: bool) -> Response:
    async with awaited(job, is_bound=is_bound):
        ending = await job.ended()
    if isinstance(ending, Failed | Stopped):
        return refusal(ending)
    return reply(completion_of(job, ending))
