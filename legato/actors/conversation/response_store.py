"""Stores turns as the responses of an API; see TurnStore."""

import time

from msgspec.structs import replace

from legato.actors.conversation.plan import InvalidTurn
from legato.actors.conversation.turn import Prompt, Turn
from legato.actors.messages import Opening
from legato.agents.messages import begun
from legato.content import Conversation, Message, Part
from legato.events import AnyEnding, Created
from legato.models.contract import Model, ModelRequest
from legato.requests import ApiRequest
from legato.storage.contracts.records import Records
from legato.storage.contracts.responses import StoredResponse


class ResponseStore:
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
            turn.sender,
            prompt.kept,
            api_request=self._request,
            agent=turn.answering,
        )
        return await self.reopen(turn, model, created, ())

    async def _check_place(self, turn: Turn, prompt: Prompt) -> None:
        """Raises InvalidTurn where the conversation went on since the messages were gathered.

        A conversation's jobs come one after another: from here on the conversation stays as read.
        """
        if turn.conversation_id == turn.response_id:
            return  # in no conversation but its own
        newest = await self._records.responses.newest(turn.user, turn.conversation_id)
        if not _is_as_read(newest, prompt.after):
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


def _is_as_read(newest: StoredResponse | None, read: StoredResponse | None) -> bool:
    """Whether nothing came since `read`, which may have an ending that is not stored yet."""
    if newest is None or read is None:
        return newest is read
    ended_since = read.ending is None and newest.ending is not None
    return not ended_since and replace(newest, ending=None) == replace(read, ending=None)


def _prompt_of(turn: Turn) -> Prompt:
    assert turn.prompt is not None, "an API was asked"
    return turn.prompt
