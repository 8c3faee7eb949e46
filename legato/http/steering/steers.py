"""The routes for words and answers to a generation that runs: steers, and pending actions."""

from typing import Any, Final, NoReturn
from uuid import uuid4

from msgspec import UNSET
from quart import Blueprint, Response
from quart_schema import tag_blueprint
from ulid import ULID

from legato.actors.mailbox import ActorStopped
from legato.actors.question import Question
from legato.actors.ref import JobRef
from legato.actors.steering.interjections import (
    CancelSteer,
    FindSteer,
    NextTurn,
    Rejected,
    Steer,
    SteerReceipt,
)
from legato.events import SteerApplied, SteerOutcome, SteerReturned
from legato.http.clock import milliseconds
from legato.http.errors import Foreign, InvalidField, NotFound, RequestError
from legato.http.input.steering import ArmBody, ResumeBody, SteerBody, SteerCancelBody, SteerQuery
from legato.http.openapi import describe
from legato.http.replies import ArmReply, ResumeReply, SteerCancelReply, SteerReply
from legato.http.request_context import body_of, canonical, query_of, reply, runtime, user
from legato.http.steering.answers import answers_of, sent

MOST_CHARACTERS: Final = 16_000
"""Of a steer, as LibreChat has it."""

steering = Blueprint("steering", __name__, url_prefix="/api/agents/chat")
tag_blueprint(steering, ["generations"])


class NoActiveRun(NotFound):
    error = "No active run"


class SteerTooLong(RequestError):
    status = 413
    error = "Too large"


class NotTaken(RequestError):
    """The job does not take the words or the answer; `cursor`: where that is true."""

    error = "Not taken"

    def __init__(self, rejected: Rejected) -> None:
        self.status, code = _STATUSES[rejected.reason]
        more: dict[str, Any] = {"code": code, "cursor": str(rejected.cursor)}
        if rejected.winner is not None:
            more["answered"] = rejected.winner.decision
        if self.status in (409, 503) and rejected.reason in _SOON:
            self.headers = {"Retry-After": "1"}
        super().__init__(rejected.message, **more)


_STATUSES: Final = {
    "not_begun": (409, "RUN_NOT_READY"),
    "ended": (409, "RUN_ENDED"),
    "too_many_steers": (429, "STEER_QUEUE_FULL"),
    "too_many_receipts": (429, "STEER_RECEIPT_LIMIT"),
    "other_text": (409, "STEER_IDEMPOTENCY_CONFLICT"),
    "unknown_steer": (404, "STEER_NOT_FOUND"),
    "unknown_ask": (404, "ACTION_NOT_FOUND"),
    "not_allowed": (400, "DECISION_NOT_ALLOWED"),
    "answered": (409, "ACTION_RESOLVED"),
    "expired": (410, "ACTION_EXPIRED"),
    "storage_unavailable": (503, "STORAGE_UNAVAILABLE"),
}
_SOON: Final = ("not_begun", "storage_unavailable")


@steering.post("/steer")
@describe(SteerReply, 202, body=SteerBody, refusals=(400, 403, 404, 409, 413, 429, 503))
async def steer() -> Response:
    """Say something to a generation that runs.

    The next model call reads the words; with `preempt` the running call is cut for them.  The reply
    comes when the words are kept.  The same `clientSteerId` again has the same reply.
    """
    body = await body_of(SteerBody)
    _check_text(body.text)
    job = await _job(body.generation_id or body.conversation_id)
    question = Steer(
        f"{job.job_id}-{ULID()}",
        body.text,
        milliseconds(),
        body.client_steer_id or "",
        body.preempt,
        _next_turn() if body.on_leftover == "enqueue" else None,
    )
    return reply(_receipt(job, await _asked(job, question)), 202)


@steering.get("/steers/<steer_id>")
@describe(SteerReply, query=SteerQuery, refusals=(400, 403, 404, 409))
async def receipt(steer_id: str) -> Response:
    """Look a steer up: whether it waits, or a model call has read it, or why it came back.

    A steer of your own name (`clientSteerId`) is found with `?conversationId=`.
    """
    target = query_of(SteerQuery).conversation_id or steer_id.partition("-")[0]
    job = await _job(target)
    return reply(_receipt(job, await _asked(job, FindSteer(steer_id))))


@steering.post("/steer/cancel")
@describe(SteerCancelReply, body=SteerCancelBody, refusals=(400, 403, 404, 409, 503))
async def cancel() -> Response:
    """Take a steer back that no model has read yet."""
    body = await body_of(SteerCancelBody)
    job = await _job(body.generation_id or body.conversation_id)
    found = await _asked(job, CancelSteer(body.named()))
    is_cancelled = isinstance(found.outcome, SteerReturned) and found.outcome.why == "cancelled"
    return reply(SteerCancelReply(removed=is_cancelled, steer=_receipt(job, found)))


@steering.post("/steer/arm")
@describe(ArmReply, body=ArmBody, refusals=(400, 403, 404, 409, 503))
async def arm() -> Response:
    """Have the running model call cut for a steer that waits."""
    body = await body_of(ArmBody)
    job = await _job(body.generation_id or body.conversation_id)
    waiting = (await _asked(job, FindSteer(body.named()))).steer
    question = Steer(
        waiting.steer_id, waiting.text, milliseconds(), waiting.client_id, preempt=True
    )
    found = await _asked(job, question)
    return reply(ArmReply(armed=found.outcome is None, steer=_receipt(job, found)))


@steering.post("/resume")
@describe(ResumeReply, body=ResumeBody, refusals=(400, 403, 404, 409, 410, 503))
async def resume() -> Response:
    """Answer what a generation asks: leave for a tool, input for a tool, a question.

    The first answer wins.  The same answer again has the same reply; another one is refused, 409.
    The same stream goes on.
    """
    body = await body_of(ResumeBody)
    job = await _job(body.generation_id or body.conversation_id)
    try:
        status = await job.status()
        answers = await answers_of(body, status, user())
        cursor = status.cursor
        for each in answers:
            taken = await sent(job, each)
            if isinstance(taken, Rejected):
                raise NotTaken(taken)
            cursor = taken.cursor
    except ActorStopped:
        _gone()
    decisions = {each.ask_id: each.decision for each in answers}
    return reply(
        ResumeReply(
            status="resuming",
            conversation_id=job.conversation_id,
            generation_id=job.job_id,
            cursor=str(cursor),
            answered=decisions,
        )
    )


def _next_turn() -> NextTurn:
    return NextTurn(job_id=str(ULID()), message_id=str(uuid4()), response_id=str(uuid4()))


def _check_text(text: str) -> None:
    if not text.strip():
        raise InvalidField("text", "found nothing; a steer has words")
    if len(text) > MOST_CHARACTERS:
        message = f"text: found {len(text)} characters; {MOST_CHARACTERS} are allowed"
        raise SteerTooLong(message, code="STEER_TOO_LONG", param="text")


async def _job(target: str) -> JobRef:
    job = await runtime().jobs.whereis(user(), canonical(target))
    if job is None:
        _gone()
    if job.user != user():
        raise Foreign("The generation belongs to somebody else.")
    return job


def _gone() -> NoReturn:
    raise NoActiveRun("There is no such generation, or not any more.", code="NO_ACTIVE_RUN")


async def _asked(job: JobRef, question: Question[SteerReceipt | Rejected]) -> SteerReceipt:
    try:
        found = await job.ask(question)
    except ActorStopped:
        _gone()
    if isinstance(found, Rejected):
        raise NotTaken(found)
    return found


def _receipt(job: JobRef, found: SteerReceipt) -> SteerReply:
    outcome = found.outcome
    return SteerReply(
        status=_standing(found),
        steer_id=found.steer.steer_id,
        client_steer_id=found.steer.client_id or UNSET,
        conversation_id=job.conversation_id,
        generation_id=job.job_id,
        position=found.position or UNSET,
        preempt=found.steer.preempt,
        cursor=str(found.cursor),
        index=outcome.index if isinstance(outcome, SteerApplied) else UNSET,
        outcome_at=str(found.outcome_at) if found.outcome_at else UNSET,
        why=outcome.why if isinstance(outcome, SteerReturned) else UNSET,
        text=found.steer.text if isinstance(outcome, SteerReturned) else UNSET,
        next_generation_id=_next_id(outcome) or UNSET,
    )


def _next_id(outcome: SteerOutcome | None) -> str:
    return outcome.next_id if isinstance(outcome, SteerReturned) else ""


def _standing(found: SteerReceipt) -> str:
    match found.outcome:
        case None:
            return "queued"
        case SteerApplied():
            return "applied"
        case SteerReturned(why="cancelled" | "enqueued" as why):
            return why
        case _:
            return "returned"
