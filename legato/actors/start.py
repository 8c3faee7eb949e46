"""Starting a turn: the checks before anything running is disturbed, and the outcome."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from legato.actors.admission import NotStarted, RequestReused
from legato.actors.conversation.openings import conversation_of
from legato.actors.conversation.plan import Plan, plan
from legato.actors.conversation.turn import Turn
from legato.actors.jobs import Jobs, Started
from legato.actors.mailbox import ActorStopped
from legato.actors.ref import JobRef
from legato.config import OnBusy
from legato.content import Message
from legato.events import Created, Failed
from legato.storage.contracts.errors import ForeignConversation, StoredTurn
from legato.storage.contracts.quotas import StorageUse, conversation_use, message_use
from legato.storage.contracts.records import Records


class StartReply(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The reply to a start: the job, and how the job stands.

    `resumed`: the same request started this job before.  `settled`: the same request's job has
    left, and the messages are to be read.  `queued`: the job waits for its turn, and can be
    followed by its `generation_id`.
    """

    stream_id: str
    conversation_id: str
    status: Literal["started", "resumed", "queued", "settled"]
    generation_id: str | None = None
    user_message_id: str | None = None
    response_message_id: str | None = None
    dropped_messages: int | None = None


async def start_turn(
    turn: Turn,
    on_busy: OnBusy,
    *,
    jobs: Jobs,
    records: Records,
    refusal: Exception | None = None,
) -> StartReply:
    """Start a turn, join the same request's running job, or find the same request's stored turn.

    With a `refusal`, raised here, the turn may only be joined or found.

    Raises:
        ForeignConversation, InvalidTurn, OverQuota, StartRefused (RequestReused where the same name
            came with a different request): before anything running is disturbed.
        NotStarted: if the turn could not be opened.
        StorageError: if the storage cannot be read.
    """
    if not await jobs.knows(turn):
        if earlier := await _finished_earlier(turn, jobs, records):
            return earlier
        if refusal is not None:
            raise refusal
        await _check(turn, jobs, records)
    started = await jobs.start(turn, on_busy)
    reply = _reply_to(started)
    if reply.status == "queued":
        await _kept(started.job)
    if reply.status != "started":
        return reply
    try:
        return await _opened(reply, started.job)
    except NotStarted as error:
        if error.reason != "request_taken":
            raise
        refusal = error
    # A former start of the same request was refused, and its question came to the storage late.
    if earlier := await _stored(turn, records):
        return earlier
    raise refusal


def _reply_to(started: Started) -> StartReply:
    return StartReply(
        stream_id=started.job.conversation_id,
        conversation_id=started.job.conversation_id,
        status="resumed" if started.joined else "queued" if started.queued else "started",
        generation_id=started.job.job_id,
        user_message_id=started.job.message_id,
        response_message_id=started.job.response_id,
    )


async def _finished_earlier(turn: Turn, jobs: Jobs, records: Records) -> StartReply | None:
    """The reply to a repetition whose job has left: the messages are in the storage."""
    earlier = await _stored(turn, records)
    return None if earlier is None or await jobs.knows(turn) else earlier


async def _stored(turn: Turn, records: Records) -> StartReply | None:
    """The reply that says where the same request went before, if the question is stored."""
    if turn.request_id is None:
        return None
    stored = await records.turn_of_request(turn.user, turn.request_id)
    if stored is None:
        return None
    await _check_text(turn, stored, records)
    return StartReply(
        stream_id=stored.conversation_id,
        conversation_id=stored.conversation_id,
        status="settled",
        user_message_id=stored.message_id,
    )


async def _check_text(turn: Turn, stored: StoredTurn, records: Records) -> None:
    """Raises RequestReused where the stored request asked something else.

    Once a job has left, the storage keeps only the question of a request.  A regenerated or
    continued answer took an older question, and in both cases nothing is compared.
    """
    if turn.regenerate is not None or turn.revise is not None:
        return
    for question in await records.some_messages(stored.conversation_id, [stored.message_id]):
        if question.text != turn.text:
            raise RequestReused


async def _check(turn: Turn, jobs: Jobs, records: Records) -> None:
    conversation = None if turn.begins else await records.conversation(turn.conversation_id)
    if conversation is not None and conversation.user != turn.user:
        raise ForeignConversation(turn.conversation_id)
    messages = await _named(turn, records) if conversation else []
    planned = plan(turn, messages, expected=await jobs.expected(turn.user, turn.conversation_id))
    await records.check_room(turn.user, _room(turn, planned, begins=conversation is None))


def _room(turn: Turn, planned: Plan, *, begins: bool) -> StorageUse:
    """The storage still needed by the start."""
    room = conversation_use(conversation_of(turn)) if begins else StorageUse()
    is_new = not turn.regenerate and planned.request.message_id == turn.message_id
    return room + message_use(planned.request) if is_new else room


async def _named(turn: Turn, records: Records) -> list[Message]:
    """The messages that decide a turn's place, out of a conversation of perhaps thousands."""
    named = [each for each in (turn.parent_id, turn.regenerate, turn.revise) if each is not None]
    found = await records.some_messages(turn.conversation_id, named)
    questions = [each.parent_message_id for each in found if each.message_id == turn.revise]
    if questions:
        found += await records.some_messages(turn.conversation_id, questions)
    return found


async def _kept(job: JobRef) -> None:
    """Return once the journal has the waiting turn, which from then on is found whatever dies."""
    try:
        news = await job.queued()
    except ActorStopped:
        raise NotStarted("internal_error", "The turn was gone before it began.") from None
    if isinstance(news, Failed):
        raise NotStarted(news.reason, news.message)


async def _opened(reply: StartReply, job: JobRef) -> StartReply:
    try:
        news = await job.opened()
    except ActorStopped:
        raise NotStarted("internal_error", "The turn was gone before it began.") from None
    match news:
        case Created():
            request_id = news.request.message_id
            return replace(reply, user_message_id=request_id, dropped_messages=news.dropped)
        case Failed():
            raise NotStarted(news.reason, news.message)
        case _:
            return reply  # stopped before the beginning: every follower hears so by the ending
