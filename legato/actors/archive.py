"""Where a turn's question and answer are kept: a conversation's messages, or an API's responses."""

import time
from typing import Protocol

from msgspec import structs

from legato.actors.history import begun, chat, fitting, thread
from legato.actors.messages import Opening
from legato.actors.turn import InvalidTurn, Prompt, Turn, plan
from legato.content import Asked, Conversation, Message, Part
from legato.events import AnyEnding, Created
from legato.models.contract import ChatMessage, Model, ModelRequest
from legato.storage.contract import ForeignConversation, Records
from legato.storage.responses import StoredResponse


class Archive(Protocol):
    """Of one turn.  Every method raises StorageError as the storage does."""

    async def plan(self) -> Opening:
        """Find the turn's place; with it, what the model shall read.  Nothing is kept yet.

        Raises:
            InvalidTurn: if the conversation changed so that the turn has no place in it.
        """
        ...

    async def reopen(self, created: Created, content: tuple[Part, ...]) -> Opening:
        """The opening of a job that another replica began, for the model to go on from `content`.

        Raises:
            ForeignConversation: if the conversation is gone.
        """
        ...


def archive_of(turn: Turn, model: Model, records: Records) -> Archive:
    if turn.prompt is None:
        return MessageArchive(turn, model, records)
    return PromptArchive(turn, turn.prompt, model, records)


class MessageArchive:
    """A turn of a conversation: its messages are what others read, now and later."""

    def __init__(self, turn: Turn, model: Model, records: Records) -> None:
        self._turn = turn
        self._model = model
        self._records = records

    async def plan(self) -> Opening:
        turn = self._turn
        messages = await self._records.messages(turn.conversation_id)
        planned = plan(turn, messages, expected=[turn.parent_id or ""])
        above = [*messages, planned.request]
        history = list(chat(thread(above, planned.request.message_id)))
        return self._opening(planned.request, planned.kept, history, new_conversation(turn))

    async def reopen(self, created: Created, content: tuple[Part, ...]) -> Opening:
        conversation_id = created.request.conversation_id
        messages = await self._records.messages(conversation_id)
        conversation = await self._records.conversation(conversation_id)
        if conversation is None:
            raise ForeignConversation(conversation_id)
        history = list(chat(thread(messages, created.request.message_id)))
        opening = self._opening(created.request, content, history, conversation)
        return structs.replace(opening, created=created)

    def _opening(
        self,
        request: Message,
        kept: tuple[Part, ...],
        history: list[ChatMessage],
        conversation: Conversation,
    ) -> Opening:
        turn, cost = self._turn, self._model.count_tokens
        system = [ChatMessage("system", turn.instructions)] if turn.instructions else []
        last = [ChatMessage("user", request.text), *begun(kept)]
        fitted = fitting(history, [*system, *last], self._model.max_context_tokens, cost)
        asked = (*system, *fitted, *last)
        dropped = len(history) - len(fitted)
        return Opening(
            Created(request, turn.response_id, turn.model, kept, dropped),
            ModelRequest(asked, turn.parameters),
            conversation,
            sum(cost(message.text) for message in asked),
        )


class PromptArchive:
    """An API's request: the model reads what the caller gave; it is kept where that was asked."""

    def __init__(self, turn: Turn, prompt: Prompt, model: Model, records: Records) -> None:
        self._turn = turn
        self._prompt = prompt
        self._model = model
        self._records = records

    async def plan(self) -> Opening:
        await self._check_place()
        turn, prompt = self._turn, self._prompt
        question = prompt.messages[-1].text if prompt.messages else ""
        request = Message(
            message_id=turn.message_id, conversation_id=turn.conversation_id, text=question
        )
        return self._opening(Created(request, turn.response_id, turn.model, asked=prompt.asked), ())

    async def _check_place(self) -> None:
        """Raises InvalidTurn where the conversation went on since the messages were gathered.

        The jobs of one come one after another, so from here on it stays as it is.
        """
        turn = self._turn
        if turn.conversation_id == turn.response_id:
            return  # in no conversation but its own
        newest = await self._records.responses.newest(turn.user, turn.conversation_id)
        if newest != self._prompt.after:
            raise InvalidTurn("conversation", "it went on meanwhile")

    async def reopen(self, created: Created, content: tuple[Part, ...]) -> Opening:
        return self._opening(created, content)

    def _opening(self, created: Created, kept: tuple[Part, ...]) -> Opening:
        messages = (*self._prompt.messages, *begun(kept))
        return Opening(
            created,
            ModelRequest(messages, self._turn.parameters),
            stand_in(self._prompt.asked, self._turn.conversation_id),
            sum(self._model.count_tokens(message.text) for message in messages),
        )


def new_conversation(turn: Turn) -> Conversation:
    return Conversation(
        conversation_id=turn.conversation_id,
        user=turn.user,
        endpoint=turn.endpoint,
        model=turn.model,
    )


def stand_in(asked: Asked, conversation_id: str) -> Conversation:
    """For the conversation that what an API asked for is no part of."""
    return Conversation(
        conversation_id=conversation_id, user=asked.user, endpoint=asked.api, model=asked.model
    )


async def store_beginning(turn: Turn, created: Created, records: Records) -> Conversation:
    """Keep the question of a turn that begins so; its conversation as it is then.

    Its owner does, and, where that may not have come to it, its heir: twice changes nothing.

    Raises:
        StorageError, ForeignConversation, RequestTaken: as the storage does.
    """
    prompt = turn.prompt
    if prompt is None:
        request = created.request
        return await records.open_turn(new_conversation(turn), request, request_id=turn.request_id)
    if prompt.asked.store:
        await records.responses.open(
            StoredResponse(
                response_id=turn.response_id,
                user=turn.user,
                conversation_id=turn.conversation_id,
                previous_id=prompt.previous_id,
                items=prompt.items,
                created=created,
            )
        )
    return stand_in(prompt.asked, turn.conversation_id)


async def stored_beginning(created: Created, records: Records) -> Conversation | None:
    """The conversation that it is in; None where its question is not kept."""
    asked, request = created.asked, created.request
    if asked is None:
        stored = await records.messages(request.conversation_id)
        is_kept = any(each.message_id == request.message_id for each in stored)
    else:
        is_kept = not asked.store or bool(
            await records.responses.find(asked.user, created.response_id)
        )
    return await conversation_of(created, records) if is_kept else None


async def conversation_of(created: Created, records: Records) -> Conversation | None:
    """None where it is gone."""
    conversation_id = created.request.conversation_id
    if created.asked is not None:
        return stand_in(created.asked, conversation_id)
    return await records.conversation(conversation_id)


async def store_ending(
    ending: AnyEnding, created: Created | None, records: Records
) -> Conversation | None:
    """Have the answer where its question is; the conversation as it is then, if it is in one.

    Raises:
        StorageError, ForeignConversation: as the storage does.
    """
    asked = created.asked if created else None
    if created is not None and asked is not None:
        if asked.store:
            await records.responses.close(created.response_id, ending)
        return stand_in(asked, created.request.conversation_id)
    return await records.close_turn(ending.response) if ending.response else None


def moment_of(created: Created | None) -> int | None:
    """What an ending says of when it was: now, where no stored message will say it."""
    return int(time.time()) if created and created.asked else None
