"""OpenAI's Chat Completions: messages in, an answer out, whole or chunk by chunk."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import trio
from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.actors.mailbox import ActorStopped
from legato.actors.ref import JobRef
from legato.agents.definition import Agent
from legato.content import ToolCallPart
from legato.events import AnyEnding, Failed, Stopped
from legato.http.agents.access import agents_named
from legato.http.errors import InvalidField
from legato.http.openai.building import built
from legato.http.openai.callers import JOB_HEADER, is_bound, request_id
from legato.http.openai.chat_completions.bodies import (
    Completion,
    CompletionBody,
    CompletionHeaders,
    CompletionStream,
)
from legato.http.openai.chat_completions.choices import Choices, check_choices, started
from legato.http.openai.chat_completions.prompts import (
    API,
    RequestedTurn,
    decisions_in,
    turn_of,
)
from legato.http.openai.leave import agents_from, decided
from legato.http.openai.leave_lookup import requested
from legato.http.openai.outcomes import Lost, Unanswered
from legato.http.openai.unknown_tools import name_left_out
from legato.http.openapi import describe
from legato.http.request_context import body_and_fields_of, reply, runtime, user
from legato.http.streams.sse import stream_response
from legato.http.streams.streaming import Reading, awaited

completions = Blueprint("chat_completions", __name__)
tag_blueprint(completions, ["OpenAI"])

PATHS: Final = ("/v1/chat/completions", "/api/agents/v1/chat/completions")


@completions.post(PATHS[0])
@completions.post(PATHS[1])
@describe(
    Completion | CompletionStream,
    body=CompletionBody,
    headers=CompletionHeaders,
    refusals=(400, 404, 409, 413, 422, 429, 502, 503),
)
async def complete() -> Response:
    """Answer these messages, whole or, with `stream`, chunk by chunk.

    `X-Legato-Job` in the reply names the generation, or all generations in the order of the
    choices; `X-Legato-Tools-Left-Out` names the types of tools that nobody here runs.  Where the
    provider refuses before the first word, and before a heartbeat is due, a stream is refused with
    the provider's reason, too.
    """
    body, fields = await body_and_fields_of(CompletionBody)
    await trio.lowlevel.checkpoint()
    agents = await agents_named(body.model)
    check_choices(body, by_agents=bool(agents))
    kept = await _kept(body)
    agents = agents_from(agents, kept, "legato.decisions")
    build = partial(_asked, body, fields, agents, kept)
    asked = await built(build, len(body.messages or ()))
    bound = is_bound(body.cancel_on_disconnect)
    try:
        if body.stream:
            response = await _streamed(asked, is_bound=bound)
        else:
            response = await _whole(body, asked, is_bound=bound)
    except ActorStopped:
        raise Lost from None
    name_left_out(asked.left_out, response)
    return response


async def _kept(body: CompletionBody) -> tuple[ToolCallPart, ...]:
    """The calls for the run to begin with.

    A completion is forgotten after a while.  Therefore all of its calls are decided on at once.
    """
    decisions = decisions_in(body)
    named = {each.request_id for each in decisions}
    found = await requested(named)
    kept = decided(decisions, (), found)
    if missing := found.keys() - named:
        waiting = ", ".join(sorted(missing))
        raise InvalidField("legato.decisions", f"has no decision on {waiting}, pending beside")
    return kept


def _asked(
    body: CompletionBody,
    fields: dict[str, Any],
    agents: tuple[Agent, ...],
    kept: tuple[ToolCallPart, ...],
) -> RequestedTurn:
    current = runtime()
    return turn_of(
        body,
        fields,
        user=user(),
        request_id=request_id(API),
        models=current.models,
        max_text=current.settings.limits.max_text_bytes,
        unknown_tools=current.settings.unknown_tools,
        agents=agents,
        kept=kept,
    )


async def _streamed(asked: RequestedTurn, *, is_bound: bool) -> Response:
    """The answer as a stream, whose head goes out when a heartbeat is due at the latest.

    A model may think for minutes before the first word, and proxies cut a silence of one minute.
    A failure before the head is an HTTP error, a later failure an error frame.
    """
    job = await started(asked)
    ending: AnyEnding | None = None
    async with awaited(job, is_bound=is_bound):
        with trio.move_on_after(runtime().settings.limits.heartbeat):
            ending = await job.answering()
    if isinstance(ending, Failed | Stopped):
        raise Unanswered(job, ending)
    response = stream_response(Reading(job, API, "beginning", is_bound=is_bound))
    return _named(response, [job])


async def _whole(body: CompletionBody, asked: RequestedTurn, *, is_bound: bool) -> Response:
    choices = Choices(asked, body.n or 1, is_bound=is_bound)
    whole = await choices.whole(functions=bool(body.functions))
    return _named(reply(whole), choices.jobs)


def _named(response: Response, jobs: Sequence[JobRef]) -> Response:
    response.headers[JOB_HEADER] = ", ".join(job.job_id for job in jobs)
    return response
