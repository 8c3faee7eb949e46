"""The routes of a conversation's queue: list the waiting turns, cancel, edit or move one."""

from typing import Final, TypeVar

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.actors.admission import RequestReused
from legato.actors.ending import standing_of
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import StopReply
from legato.actors.queue.questions import NotWaiting, Waiting
from legato.actors.queueing import QueuedTurn, live_turns, send_now
from legato.actors.ref import JobRef
from legato.http.errors import (
    Foreign,
    InvalidField,
    JobNotFound,
    NotQueued,
    TooLarge,
    TooManyChanges,
)
from legato.http.input.bodies import EditTurnBody, QueueBody
from legato.http.openapi import describe
from legato.http.replies import (
    CancelTurnReply,
    EditTurnReply,
    MoveReply,
    QueuedTurnReply,
    QueueReply,
)
from legato.http.request_context import (
    body_of,
    canonical,
    conversation_of,
    reply,
    runtime,
    user,
)
from legato.storage.contracts.errors import StorageError

A = TypeVar("A", Waiting, StopReply)

REFUSALS: Final = (400, 403, 404, 409, 422, 429, 503)

queue = Blueprint("queue", __name__, url_prefix="/api/agents/chat/queue")
tag_blueprint(queue, ["generations"])


@queue.get("/<conversation_id>")
@describe(QueueReply, refusals=(403, 404))
async def listing(conversation_id: str) -> Response:
    """The turns that wait in a conversation, in the order in which they will begin."""
    jobs = await runtime().jobs.unended(user(), canonical(conversation_id))
    if not jobs:
        await conversation_of(conversation_id)
    if any(job.user != user() for job in jobs):
        raise Foreign("The conversation belongs to somebody else.")
    turns = (await live_turns(jobs)).queue
    replies = [_turn(position, each) for position, each in enumerate(turns, 1)]
    return reply(QueueReply(canonical(conversation_id), replies))


@queue.post("/cancel")
@describe(CancelTurnReply, body=QueueBody, refusals=(400, 403, 404, 409, 503))
async def cancel() -> Response:
    """End a waiting turn, which leaves no message; a turn that has begun is not disturbed."""
    job = await _job(await body_of(QueueBody))
    try:
        answer = await job.cancel()
    except ActorStopped:
        raise _gone(job) from None
    ending = _accepted(job, answer)
    if ending.ending.request is not None:  # the question was stored when the stop came
        raise NotQueued(job.job_id, standing_of(ending.ending), ending.cursor)
    return reply(CancelTurnReply(job.conversation_id, job.job_id, str(ending.cursor)))


@queue.post("/front")
@describe(MoveReply, body=QueueBody, refusals=REFUSALS)
async def front() -> Response:
    """Have a waiting turn begin before all others that wait."""
    body = await body_of(QueueBody)
    job = await _job(body)
    try:
        return _moved(job, await job.move_to_front(body.client_request_id or ""))
    except ActorStopped:
        raise _gone(job) from None


@queue.post("/now")
@describe(MoveReply, body=QueueBody, refusals=REFUSALS)
async def now() -> Response:
    """Have a waiting turn begin now: what runs in the conversation is stopped, as by a stop."""
    body = await body_of(QueueBody)
    job = await _job(body)
    try:
        return _moved(job, await send_now(runtime().jobs, job, body.client_request_id or ""))
    except ActorStopped:
        raise _gone(job) from None


@queue.patch("/<generation_id>")
@describe(EditTurnReply, body=EditTurnBody, refusals=(*REFUSALS, 413))
async def edit(generation_id: str) -> Response:
    """Change the text of a waiting turn, which keeps its place."""
    body = await body_of(EditTurnBody)
    _check_text(body.text)
    job = await _found(generation_id)
    try:
        answer = _accepted(job, await job.edit(body.text, body.client_request_id or ""))
    except ActorStopped:
        raise _gone(job) from None
    return reply(EditTurnReply(job.conversation_id, job.job_id, answer.text, str(answer.cursor)))


def _check_text(text: str) -> None:
    if not text.strip():
        raise InvalidField("text", "a message needs a text")
    size, most = len(text.encode()), runtime().settings.limits.max_text_bytes
    if size > most:
        raise TooLarge(f"text: found {size} bytes; {most} are allowed", param="text")


async def _job(body: QueueBody) -> JobRef:
    job = await _found(body.generation_id)
    if job.conversation_id != canonical(body.conversation_id):
        raise JobNotFound("There is no such generation in that conversation.")
    return job


async def _found(generation_id: str) -> JobRef:
    """This user's job of exactly that id.  Raises JobNotFound, Foreign."""
    job = await runtime().jobs.whereis(user(), generation_id)
    if job is None or job.job_id != generation_id:
        raise JobNotFound("There is no such generation.", generationId=generation_id)
    if job.user != user():
        raise Foreign("The generation belongs to somebody else.")
    return job


def _gone(job: JobRef) -> JobNotFound:
    return JobNotFound("The generation is gone.", generationId=job.job_id)


def _moved(job: JobRef, answer: Waiting | NotWaiting) -> Response:
    moved = _accepted(job, answer)
    return reply(MoveReply(job.conversation_id, job.job_id, 1, str(moved.cursor)))


def _accepted(job: JobRef, answer: A | NotWaiting) -> A:
    """The answer, unless it is a refusal.

    Raises:
        NotQueued, RequestReused, TooManyChanges, StorageError
    """
    if not isinstance(answer, NotWaiting):
        return answer
    match answer.reason:
        case "reused":
            raise RequestReused
        case "too_many":
            raise TooManyChanges(job.job_id, answer.cursor)
        case "unavailable":
            raise StorageError("The order of the waiting turns cannot be reached.")
        case "not_waiting":
            raise NotQueued(job.job_id, answer.standing, answer.cursor)


def _turn(position: int, turn: QueuedTurn) -> QueuedTurnReply:
    job, waiting = turn
    return QueuedTurnReply(
        generation_id=job.job_id,
        client_request_id=waiting.request_id,
        user_message_id=job.message_id,
        text=waiting.text,
        position=position,
        created_at=job.created_at,
        cursor=str(waiting.cursor),
    )
