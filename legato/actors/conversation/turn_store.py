"""Stores turns: as a conversation's messages, or as the responses of an API."""

import time
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from msgspec import UNSET, structs

from legato.actors.conversation.agent_prompt import answering, prompt_of_agent, sender
from legato.actors.conversation.history import chat, fitting, thread
from legato.actors.conversation.turn import InvalidTurn, Prompt, Turn, has_tools, plan
from legato.actors.ending import ending_of_answer
from legato.actors.messages import Opening
from legato.agents.leave import allowed_in
from legato.agents.messages import begun
from legato.content import NO_PARENT, ApiRequest, Conversation, Message, Part, SteerPart
from legato.events import AnyEnding, Created
from legato.models.contract import ChatMessage, Model, ModelRequest
from legato.models.messages import alternating
from legato.storage.contracts.errors import ForeignConversation
from legato.storage.contracts.records import BegunTurn, Branch, Records
from legato.storage.contracts.responses import StoredResponse

_CHARACTERS: Final = 16
"""Of a token: four times the average, because what a model does not read is counted, too."""

_LEAST_READ: Final = 1024 * 1024
_MOST_READ: Final = 8 * _LEAST_READ
"""Characters of a conversation: all are in memory at once, for each turn that begins."""


class TurnStore(Protocol):
    """The storage as one kind of turn sees it.  Every method raises StorageError."""

    async def plan(self, turn: Turn, model: Model) -> Opening:
        """Find the turn's place, and make the model's request.  Nothing is stored yet.

        Raises:
            InvalidTurn: if the conversation changed, and no longer has a place for the turn.
        """
        ...

    async def open(self, turn: Turn, created: Created) -> Conversation:
        """Store the question; return its conversation as it is then.  A repetition changes nothing.

        Raises:
            ForeignConversation, RequestTaken, OverQuota, DecidedBefore: as the storage does.
        """
        ...

    async def reopen(
        self, turn: Turn, model: Model, created: Created, content: tuple[Part, ...]
    ) -> Opening:
        """Have the model go on from `content`, in a turn begun by another process.

        Raises:
            ForeignConversation: if the conversation is gone.
        """
        ...

    async def opened(self, created: Created) -> Conversation | None:
        """Look the question's conversation up; None where the question is not stored."""
        ...

    async def conversation(self, created: Created) -> Conversation | None:
        """Look the conversation up, with or without messages; None where none is there."""
        ...

    async def close(self, job_id: str, ending: AnyEnding, created: Created) -> Conversation | None:
        """Store the job's answer beside its question; return the conversation as it is then.

        The first stored answer of a job stays.  None where there is no answer, or the conversation
        is gone.

        Raises:
            ForeignConversation: as the storage does.
        """
        ...

    async def said(self, job_id: str, _opening: Opening) -> AnyEnding | None:
        """Look up the ending whose answer the job stored; None where no answer is stored."""
        ...

    def moment(self) -> int | None:
        """The time for an ending, in seconds since 1970: now; None where a message has the time."""
        ...


def turn_store(api_request: ApiRequest | None, records: Records) -> TurnStore:
    """`api_request`: the request to an API; None for a turn of a conversation."""
    return (
        _ConversationStore(records) if api_request is None else _ResponseStore(api_request, records)
    )


class _ConversationStore:
    """Messages of a conversation, for readers now and later."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def plan(self, turn: Turn, model: Model) -> Opening:
        branch = await self._branch(turn, _readable(model))
        planned = plan(turn, branch.messages, expected=[turn.parent_id or ""])
        created = Created(
            planned.request,
            turn.response_id,
            sender(turn),
            planned.kept,
            agent=answering(turn),
        )
        complete = Branch([*branch.messages, planned.request], branch.above)
        return _opening(turn, model, created, complete, planned.kept, conversation_of(turn))

    async def _branch(self, turn: Turn, most: int) -> Branch:
        """Read the messages which decide the turn's place, and the messages for the model."""
        named = turn.revise or turn.regenerate or turn.parent_id
        if turn.begins or named == NO_PARENT:
            return Branch()
        found = await self._records.branch(turn.conversation_id, named, most=most)
        if found.messages or named is None:
            return found
        return await self._records.branch(turn.conversation_id, most=most)

    async def open(self, turn: Turn, created: Created) -> Conversation:
        conversation, request = conversation_of(turn), created.request
        return await self._records.open_turn(conversation, request, request_id=turn.request_id)

    async def reopen(
        self, turn: Turn, model: Model, created: Created, content: tuple[Part, ...]
    ) -> Opening:
        [place] = await self._records.places([begun_turn(turn, model, created)])
        if place.conversation is None:
            raise ForeignConversation(created.request.conversation_id)
        return reopened(turn, model, created, content, place.conversation, place.branch)

    async def opened(self, created: Created) -> Conversation | None:
        request = created.request
        kept = await self._records.some_messages(request.conversation_id, [request.message_id])
        return await self.conversation(created) if kept else None

    async def conversation(self, created: Created) -> Conversation | None:
        return await self._records.conversation(created.request.conversation_id)

    async def close(self, job_id: str, ending: AnyEnding, created: Created) -> Conversation | None:
        answer = ending.response
        return await self._records.close_turn(answer, job_id=job_id) if answer else None

    async def said(self, job_id: str, _opening: Opening) -> AnyEnding | None:
        answer = await self._records.answer(job_id)
        return ending_of_answer(answer, _opening) if answer else None

    def moment(self) -> None:
        return None


class _ResponseStore:
    """Requests to an API: the model reads the caller's messages; stored only on request."""

    def __init__(self, api_request: ApiRequest, records: Records) -> None:
        self._request = api_request
        self._records = records

    async def plan(self, turn: Turn, model: Model) -> Opening:
        prompt = _prompt_of(turn)
        await self._check_place(turn, prompt)
        question = prompt.messages[-1].text if prompt.messages else ""
        request = Message(
            message_id=turn.message_id, conversation_id=turn.conversation_id, text=question
        )
        created = Created(
            request,
            turn.response_id,
            sender(turn),
            prompt.kept,
            api_request=self._request,
            agent=answering(turn),
        )
        return await self.reopen(turn, model, created, ())

    async def _check_place(self, turn: Turn, prompt: Prompt) -> None:
        """Raises InvalidTurn where the conversation went on since the messages were gathered.

        A conversation's jobs come one after another: from here on the conversation stays as read.
        """
        if turn.conversation_id == turn.response_id:
            return  # in no conversation but its own
        newest = await self._records.responses.newest(turn.user, turn.conversation_id)
        if newest != prompt.after:
            raise InvalidTurn("conversation", "it went on meanwhile")

    async def open(self, turn: Turn, created: Created) -> Conversation:
        prompt = _prompt_of(turn)
        if self._request.store:
            await self._records.responses.open(
                StoredResponse(
                    response_id=turn.response_id,
                    user=turn.user,
                    conversation_id=turn.conversation_id,
                    previous_id=prompt.previous_id,
                    items=prompt.items,
                    created=created,
                ),
                decides=prompt.decides,
            )
        elif prompt.decides:
            decided = prompt.decides
            await self._records.responses.decide(turn.user, turn.response_id, decided)
        return self._stand_in(created)

    async def reopen(
        self, turn: Turn, model: Model, created: Created, content: tuple[Part, ...]
    ) -> Opening:
        messages = _prompt_of(turn).messages
        return Opening(
            created,
            ModelRequest(messages, turn.parameters),
            self._stand_in(created),
            sum(model.count_tokens(message.text) for message in (*messages, *begun(content))),
        )

    async def opened(self, created: Created) -> Conversation | None:
        if self._request.store:
            kept = await self._records.responses.find(self._request.user, created.response_id)
            return self._stand_in(created) if kept else None
        return self._stand_in(created)

    async def conversation(self, created: Created) -> Conversation:
        return self._stand_in(created)

    async def close(self, job_id: str, ending: AnyEnding, created: Created) -> Conversation | None:
        if self._request.store:
            await self._records.responses.close(created.response_id, ending)
        return self._stand_in(created)

    async def said(self, job_id: str, _opening: Opening) -> AnyEnding | None:
        response = await self._records.responses.find(
            self._request.user, _opening.created.response_id
        )
        return response.ending if response else None

    def moment(self) -> int:
        return int(time.time())

    def _stand_in(self, created: Created) -> Conversation:
        """Stand in for a conversation, of which a request to an API is no part."""
        request = self._request
        conversation_id = created.request.conversation_id
        return Conversation(
            conversation_id=conversation_id,
            user=request.user,
            endpoint=request.api,
            model=request.model,
        )


def begun_turn(turn: Turn, model: Model, created: Created) -> BegunTurn:
    """The turn of a conversation, to be looked up for a model that goes on."""
    question = created.request
    place = question.conversation_id, question.message_id
    return BegunTurn(turn.job_id, *place, _readable(model))


def reopened(
    turn: Turn,
    model: Model,
    created: Created,
    content: tuple[Part, ...],
    conversation: Conversation,
    branch: Branch,
) -> Opening:
    """Have the model go on from `content`, in a turn of a conversation; see TurnStore.reopen."""
    opening = _opening(turn, model, created, branch, content, conversation)
    resumed = "" if turn.agents else _resumed(created.kept, content)
    request = structs.replace(opening.request, resumed=resumed)
    return structs.replace(opening, created=created, request=request)


def conversation_of(turn: Turn) -> Conversation:
    """A new conversation, for the turn."""
    return Conversation(
        conversation_id=turn.conversation_id,
        user=turn.user,
        endpoint=turn.endpoint,
        model=turn.model,
        agent_id=turn.agents[0].id if turn.agents else UNSET,
    )


def _readable(model: Model) -> int:
    """How many characters of a conversation are read for a model: more than fit its context."""
    return min(_MOST_READ, max(_LEAST_READ, _CHARACTERS * model.max_context_tokens))


def _prompt_of(turn: Turn) -> Prompt:
    assert turn.prompt is not None, "an API was asked"
    return turn.prompt


def _opening(
    turn: Turn,
    model: Model,
    created: Created,
    branch: Branch,
    kept: tuple[Part, ...],
    conversation: Conversation,
) -> Opening:
    """Make the opening of a turn whose question is the last of that branch."""
    above = thread(branch.messages, created.request.message_id)
    history = list(chat(above, with_calls=has_tools(turn)))
    system = [ChatMessage("system", turn.instructions)] if turn.instructions else []
    question = ChatMessage("user", created.request.text)
    begun_answer = [] if turn.agents else [*begun(kept)]  # which the run adds: it reads the log
    cost = model.count_tokens
    fixed = [ChatMessage("system", prompt_of_agent(turn)), *system, question, *begun_answer]
    fitted = fitting(history, fixed, model.max_context_tokens, cost)
    messages = (*system, *alternating([*fitted, question]))
    return Opening(
        structs.replace(created, dropped=branch.above + len(history) - len(fitted)),
        ModelRequest(messages, turn.parameters, allowed_tools=_allowed(above)),
        conversation,
        sum(cost(message.text) for message in (*messages, *begun_answer)),
    )


def _allowed(messages: Iterable[Message]) -> frozenset[str]:
    """The tools that somebody allowed in an earlier answer."""
    answers = (message.content for message in messages if message.content is not UNSET)
    return frozenset[str]().union(*(allowed_in(content) for content in answers))


def _resumed(kept: Sequence[Part], content: Sequence[Part]) -> str:
    """The text that a cut model call had said: behind what was kept, and behind the last steer."""
    texts = [each.text for each in begun(content)]
    if any(isinstance(part, SteerPart) for part in content):
        return texts[-1] if [*begun(content)][-1].role == "assistant" else ""
    return "".join(texts).removeprefix("".join(each.text for each in begun(kept)))
