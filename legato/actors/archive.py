"""A turn's place, and what its model reads: of a conversation's messages, or an API's prompt."""

from typing import Protocol

from msgspec import structs

from legato.actors.history import begun, chat, fitting, thread
from legato.actors.keeping import new_conversation, stand_in
from legato.actors.messages import Opening
from legato.actors.turn import InvalidTurn, Prompt, Turn, plan
from legato.content import Conversation, Message, Part
from legato.events import Created
from legato.models.contract import ChatMessage, Model, ModelRequest
from legato.storage.contract import ForeignConversation, Records


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
