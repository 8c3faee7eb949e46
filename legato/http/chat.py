"""The chat routes: start, follow, query and stop a generation."""

from typing import Final

from msgspec import UNSET
from quart import Blueprint, Response, request
from quart_schema import tag_blueprint

from legato.actors.conversation.turn import Turn
from legato.actors.ending import standing_of
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import StopReply
from legato.actors.ref import JobRef
from legato.actors.start import StartReply
from legato.actors.stream.places import Start
from legato.actors.superseding import start_beside_waiting
from legato.agents.definition import Agent
from legato.agents.errors import AgentForbidden, InvalidAgent, NoSuchAgent
from legato.config import WhileWaiting
from legato.dialects.contract import Identity
from legato.dialects.librechat import LibreChat
from legato.events import Cursor
from legato.http.agents.access import agents_of
from legato.http.clock import milliseconds
from legato.http.errors import Foreign, InvalidField, JobNotFound, StreamNotFound, UnknownModel
from legato.http.input.bodies import AbortBody, StartBody, StreamHeaders, StreamQuery
from legato.http.openapi import describe
from legato.http.replies import AbortReply, ActiveReply, EventStream, StatusReply
from legato.http.request_context import (
    body_of,
    canonical,
    is_conversation,
    job_of,
    no_content,
    place_asked,
    reply,
    runtime,
    user,
)
from legato.http.streams.sse import has_everything, stream_response
from legato.http.streams.streaming import Reading
from legato.http.turns import is_new, turn_of
from legato.models.contract import ModelError

API: Final = "librechat"

chat = Blueprint("chat", __name__, url_prefix="/api/agents/chat")
tag_blueprint(chat, ["generations"])


@chat.post("")
@chat.post("/<endpoint>")
@describe(StartReply, body=StartBody, refusals=(400, 403, 409, 413, 422, 429, 503))
async def start(endpoint: str = "agents") -> Response:
    """Start a generation, which runs whether or not anybody listens.

    To follow the generation, use the reply's `streamId`, which is the conversation's id.  Where
    several generations wait in one conversation, use the `generationId`.
    """
    body = await body_of(StartBody)
    current = runtime()
    agents, refusal = await _agents(body)
    turn = turn_of(
        body,
        agents=agents,
        user=user(),
        model=agents[0].model if agents else current.default_model if refusal else _model(body),
        endpoint=body.endpoint or endpoint,
        max_text=current.settings.limits.max_text_bytes,
    )
    if refusal is None:
        _check_parameters(turn)
    started = await start_beside_waiting(
        turn,
        body.on_busy or current.settings.on_busy,
        _while_waiting(body),
        milliseconds(),
        jobs=current.jobs,
        records=current.records,
        refusal=refusal,
    )
    return reply(started)


def _while_waiting(body: StartBody) -> WhileWaiting:
    if is_new(body.conversation_id):
        return "on_busy"  # nothing waits in a new conversation
    return body.on_message_while_waiting or runtime().settings.on_message_while_waiting


async def _agents(body: StartBody) -> tuple[tuple[Agent, ...], Exception | None]:
    """The agents that answer, or the reason for a refusal.

    A repeated request joins the first start, also after the agent was deleted.
    """
    try:
        return await agents_of(body.agent_id), None
    except (NoSuchAgent, AgentForbidden, InvalidAgent) as error:
        if body.client_request_id is None:
            raise
        return (), error


def _model(body: StartBody) -> str:
    current = runtime()
    name = body.model or current.default_model
    if name not in current.models:
        allowed = ", ".join(current.models)
        raise UnknownModel(f"model: found {name!r:.80}; allowed are {allowed}", param="model")
    return name


def _check_parameters(turn: Turn) -> None:
    try:
        runtime().models[turn.model].check(turn.first_parameters)
    except ModelError as error:
        raise InvalidField("model_parameters", str(error)) from None


@chat.get("/stream/<stream_id>")
@describe(EventStream, query=StreamQuery, headers=StreamHeaders, refusals=(400, 403, 404))
async def stream(stream_id: str) -> Response:
    """Follow a generation as server-sent events, from the beginning or from a cursor.

    `Last-Event-ID` or `?after=` gives exactly the events that were missed, `?resume=true` the
    current state; then all later events follow live, to the ending.  After the ending's own
    cursor nothing follows: status 204.
    """
    start, job = _start(), await job_of(stream_id)
    if isinstance(start, Cursor) and await has_everything(job, API, start):
        return no_content()
    return stream_response(Reading(job, API, start))


def _start() -> Start:
    """The place from which the reader wants to begin."""
    if place := place_asked():
        return _cursor(*place)
    return "snapshot" if request.args.get("resume") == "true" else "beginning"


def _cursor(name: str, cursor: str) -> Cursor:
    try:
        return Cursor.parse(cursor)
    except ValueError:
        found = f"found {cursor!r:.80}"
        raise InvalidField(name, f"{found}; a cursor is job_id:epoch:seq, a frame's id") from None


@chat.get("/active")
@describe(ActiveReply)
async def active() -> Response:
    """The conversations in which you have a running generation; without other APIs' requests."""
    found = await runtime().jobs.active(user())
    return reply(ActiveReply([each for each in found if is_conversation(each)]))


@chat.get("/status/<stream_id>")
@describe(StatusReply, refusals=(403,))
async def status(stream_id: str) -> Response:
    """How a generation stands, with everything that a client needs to show the answer."""
    try:
        job = await job_of(stream_id)
        answer = await job.status()
    except (StreamNotFound, ActorStopped):
        return reply(StatusReply(active=False))
    identity = Identity(job.job_id, answer.cursor.epoch, job.conversation_id, job.response_id)
    state = LibreChat(identity).sync(answer.snapshot)["resumeState"]
    return reply(
        StatusReply(
            active=answer.ending is None,
            stream_id=job.conversation_id,
            generation_id=job.job_id,
            status=answer.standing,
            cursor=str(answer.cursor),
            aggregated_content=answer.snapshot.content,
            created_at=job.created_at,
            resume_state=state,
        )
    )


@chat.post("/abort")
@describe(AbortReply, body=AbortBody, refusals=(400, 403, 404))
async def abort() -> Response:
    """Stop a generation.  The reply comes when the provider is closed and the answer stored."""
    target = (await body_of(AbortBody)).target()
    job = await runtime().jobs.whereis(user(), canonical(target)) if target else None
    if job is None:
        raise JobNotFound("There is no such generation.", streamId=target or None)
    if job.user != user():
        raise Foreign("The generation belongs to somebody else.")
    try:
        return reply(_aborted(job, await job.stop()))
    except ActorStopped:
        raise JobNotFound("The generation is gone.", streamId=target) from None


def _aborted(job: JobRef, answer: StopReply) -> AbortReply:
    unsaved = answer.ending.unsaved or UNSET
    if answer.already_ended:
        return AbortReply(
            success=False,
            generation_id=job.job_id,
            cursor=str(answer.cursor),
            settled=True,
            terminal_status=standing_of(answer.ending),
            persistence_failed=unsaved,
        )
    return AbortReply(
        success=True,
        generation_id=job.job_id,
        cursor=str(answer.cursor),
        aborted=job.conversation_id,
        early_abort=answer.ending.response is None,
        persistence_failed=unsaved,
    )
