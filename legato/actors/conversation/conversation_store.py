"""Stores turns as messages of a conversation; see TurnStore."""

from legato.actors.conversation.openings import (
    begun_turn,
    conversation_of,
    opening_of,
    readable,
    reopened,
)
from legato.actors.conversation.plan import plan
from legato.actors.conversation.turn import Turn
from legato.actors.ending import ending_of_answer
from legato.actors.messages import Opening
from legato.content import NO_PARENT, Conversation, Part
from legato.events import AnyEnding, Created
from legato.models.contract import Model
from legato.storage.contracts.errors import ForeignConversation
from legato.storage.contracts.records import Branch, Records, Revision


class ConversationStore:
    """Messages of a conversation, for readers now and later."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def plan(self, turn: Turn, model: Model) -> Opening:
        branch = await self._branch(turn, readable(model))
        planned = plan(turn, branch.messages, expected=[turn.parent_id or ""])
        created = Created(
            planned.request,
            turn.response_id,
            turn.sender,
            planned.kept,
            agent=turn.answering,
        )
        complete = Branch([*branch.messages, planned.request], branch.above)
        return opening_of(turn, model, created, complete, planned.kept, conversation_of(turn))

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
        return await self._records.open_turn(
            conversation, request, request_id=turn.request_id, revision=_revision(turn)
        )

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


def _revision(turn: Turn) -> Revision | None:
    """The revision of a turn whose answer is stored in the place of the named answer."""
    is_revised = turn.revise is not None and turn.revise == turn.response_id
    return Revision(turn.job_id, turn.response_id) if is_revised else None
