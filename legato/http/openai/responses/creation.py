"""Begins a response: the responses before, and the job of the answer."""

from collections.abc import Sequence
from functools import partial

import trio
from msgspec import Struct
from msgspec.structs import replace
from ulid import ULID

from legato.actors.admission import Busy
from legato.actors.conversation.turn import Prompt, Turn
from legato.actors.jobs import Started
from legato.actors.mailbox import ActorStopped
from legato.actors.ref import JobRef
from legato.agents.definition import Agent
from legato.dialects.response_object import PREFIX
from legato.events import AnyEnding, Created, Failed, Stopped
from legato.http.agents.access import agents_named
from legato.http.application import application
from legato.http.errors import TooLarge
from legato.http.input.digests import digest_of
from legato.http.openai.building import built
from legato.http.openai.chat_completions.prompts import check_parameters, model_named
from legato.http.openai.images import check_images
from legato.http.openai.leave import Requested, agents_from, requested_in
from legato.http.openai.leave_lookup import requested
from legato.http.openai.outcomes import Lost, Unanswered
from legato.http.openai.responses.approvals import ids_in
from legato.http.openai.responses.chain import (
    OVERTAKEN,
    Chains,
    ConversationLocked,
    conversation_id_of,
    count_items,
    responses_before,
)
from legato.http.openai.responses.input_messages import Item, outputs_of
from legato.http.openai.responses.prompt import Context, Request, request_of
from legato.http.openai.responses.references import items_referred_to
from legato.http.openai.responses.request import API, ResponseBody, check, wants_logprobs
from legato.http.openai.unknown_tools import log_left_out
from legato.http.request_context import runtime, user
from legato.http.streams.streaming import awaited
from legato.models.contract import ChatMessage
from legato.requests import ApiRequest
from legato.storage.contracts.quotas import ROW_BYTES, OverQuota, StorageUse
from legato.storage.contracts.responses import StoredResponse


class Begun(Struct, frozen=True):
    """A response that has begun.

    `before`: the responses that this one follows, the oldest first.  `joined`: the same request
    began the response earlier.  `left_out`: the types of the tools that the model does not get.
    """

    job: JobRef
    joined: bool
    created: Created
    prompt: Prompt
    before: Sequence[StoredResponse]
    left_out: Sequence[str] = ()

    def ended(self, ending: AnyEnding) -> Sequence[StoredResponse]:
        """The chain up to this response, for a next response to follow."""
        mine = StoredResponse(
            response_id=self.job.response_id,
            user=self.job.user,
            conversation_id=self.job.conversation_id,
            previous_id=self.prompt.previous_id,
            items=self.prompt.items,
            created=self.created,
            ending=ending,
        )
        return (*self.before, mine)

    def outputs(self, ending: AnyEnding) -> Sequence[Item]:
        """The output items of the response, ended so."""
        return outputs_of(self.ended(ending)[-1])


async def begin_response(
    body: ResponseBody,
    *,
    request_id: str | None = None,
    is_bound: bool = False,
    chains: Chains | None = None,
    closing: str | None = None,
    has_successors: bool = False,
) -> Begun:
    """Start the job; on return the response can be found, and is stored if `store` is true.

    `closing`: a text for the model after all messages of the body.  `has_successors`: see
    ApiRequest.

    Raises:
        RequestError: where the request cannot be served, or the job failed before the beginning.
        OverQuota, StartRefused, StorageError
    """
    check(body)
    before = await responses_before(body, chains or {})
    await trio.lowlevel.checkpoint()
    agents = await agents_named(body.model)
    stored = await items_referred_to(body.input, before)
    requests = await _requests(body, before)
    items = (
        len(stored) + count_items(before) + (len(body.input) if isinstance(body.input, list) else 1)
    )
    context = Context(before, stored, unsealed, runtime().settings.unknown_tools, requests)
    build = partial(_turn, body, context, request_id, closing, agents, has_successors)
    turn, prompt, left_out = await built(build, items)
    if prompt.api_request.store:
        await _check_room(turn)
    started, created = await _opened(turn, left_out, is_bound=is_bound)
    return Begun(started.job, started.joined, created, prompt, before, left_out)


async def _opened(
    turn: Turn, left_out: Sequence[str], *, is_bound: bool
) -> tuple[Started, Created]:
    """Start the job and wait for its beginning.  Raises as `begin_response` does."""
    try:
        started = await runtime().jobs.start(turn, "reject")
        job = started.job
        log_left_out(left_out, job.job_id)
        async with awaited(job, is_bound=is_bound):
            created = await job.opened()
    except Busy:
        raise ConversationLocked from None
    except ActorStopped:
        raise Lost from None
    if isinstance(created, Failed) and created.reason == OVERTAKEN:
        raise ConversationLocked
    if isinstance(created, Failed | Stopped):
        raise Unanswered(job, created)
    assert isinstance(created, Created), "nothing finishes before it begins"
    return started, created


async def _requests(body: ResponseBody, before: Sequence[StoredResponse]) -> Requested:
    """The calls that wait for a decision: of the responses before, and of any others named."""
    known = requested_in(before)
    return {**known} | {**await requested(ids_in(body.input) - known.keys())}


async def _check_room(turn: Turn) -> None:
    """Raises OverQuota before a job is made; a repeated request joins the job nevertheless."""
    refused: OverQuota | None = None
    try:
        await runtime().records.check_room(turn.user, StorageUse(size=ROW_BYTES))
    except OverQuota as error:
        refused = error
    if refused is not None and not await runtime().jobs.knows(turn):
        raise refused


def _turn(
    body: ResponseBody,
    context: Context,
    request_id: str | None,
    closing: str | None,
    agents: tuple[Agent, ...],
    has_successors: bool,
) -> tuple[Turn, Prompt, Sequence[str]]:
    current = runtime()
    model = model_named(body.model, current.models, agents)
    job_id = str(ULID())
    request = request_of(body, job_id, context)
    going_on = agents_from(agents, request.kept, "input")
    check_parameters(request.parameters, model)
    check_sizes(request.messages)
    check_images(request.messages, model, "input")
    conversation_id = PREFIX + job_id
    if body.conversation is not None:
        conversation_id = conversation_id_of(body.conversation)
    name = agents[0].id if agents else model.name
    prompt = _prompt(body, name, request, context.before, closing)
    asked = replace(prompt.api_request, has_successors=has_successors)
    prompt = replace(prompt, api_request=asked)
    turn = Turn(
        job_id=job_id,
        conversation_id=conversation_id,
        message_id=f"{PREFIX}{job_id}-request",
        response_id=PREFIX + job_id,
        user=user(),
        model=model.name,
        endpoint=API,
        parameters=request.parameters,
        request_id=request_id,
        request_digest=_digest(body) if request_id is not None else None,
        prompt=prompt,
        agents=going_on,
    )
    return turn, prompt, request.left_out


def _digest(body: ResponseBody) -> str:
    """A digest of all that a repeated request must repeat: all but the form of the answer."""
    return digest_of(replace(body, stream=None, cancel_on_disconnect=None))


def unsealed(text: str) -> str:
    """The text that was sealed for this user.  Raises Unsealable."""
    return application().seal.open(text, user())


def _prompt(
    body: ResponseBody,
    model: str,
    request: Request,
    before: Sequence[StoredResponse],
    closing: str | None,
) -> Prompt:
    is_stored = body.store is not False
    last = (ChatMessage("user", closing),) if closing else ()
    return Prompt(
        api_request=ApiRequest(
            api=API,
            user=user(),
            model=model,
            echo=request.echo,
            store=is_stored,
            logprobs=wants_logprobs(body),
        ),
        messages=(*request.messages, *last),
        items=request.items,
        previous_id=body.previous_response_id,
        kept=request.kept,
        after=before[-1] if before and body.conversation is not None else None,
    )


def check_sizes(messages: Sequence[ChatMessage], field: str = "input") -> None:
    """Raises TooLarge."""
    most = runtime().settings.limits.max_text_bytes
    for message in messages:
        size = len(message.text.encode())
        if size > most:
            found = f"{field}: found a text of {size} bytes; {most} are allowed"
            raise TooLarge(found, param=field)
