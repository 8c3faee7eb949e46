"""The one writer of a job's messages: the question before it begins, the answer before its end."""

import structlog
import trio

from legato.actors.history import begun, chat, fitting, thread
from legato.actors.messages import Opening, Settled
from legato.actors.turn import Turn, plan
from legato.content import Conversation, Message, Part
from legato.events import Created
from legato.models.contract import ChatMessage, Model, ModelRequest
from legato.storage.contract import Records, StorageError, UnstorableText

FIRST_PAUSE = 0.25  # seconds between attempts to store an answer; each is twice the last …
LONGEST_PAUSE = 60.0  # … up to this

log = structlog.get_logger()


class Recorder:
    def __init__(self, turn: Turn, model: Model, records: Records) -> None:
        self._turn = turn
        self._model = model
        self._records = records
        self.opening: Opening | None = None  # once the user's message is stored

    async def open(self) -> Opening:
        """Find the turn's place, store the user's message, gather what the model shall read.

        Raises:
            StorageError, ForeignConversation, RequestTaken: as the storage does.
            InvalidTurn: if the conversation changed so that the turn has no place in it.
        """
        turn = self._turn
        messages = await self._records.messages(turn.conversation_id)
        planned = plan(turn, messages, expected=[turn.parent_id or ""])
        conversation = await self._records.open_turn(
            Conversation(
                conversation_id=turn.conversation_id,
                user=turn.user,
                endpoint=turn.endpoint,
                model=turn.model,
            ),
            planned.request,
            request_id=turn.request_id,
        )
        above = [*messages, planned.request]
        history = list(chat(thread(above, planned.request.message_id)))
        self.opening = self._opening(planned.request, planned.kept, history, conversation)
        return self.opening

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
            sum(cost(message.content) for message in asked),
        )

    async def close(self, answer: Message) -> Settled:
        """Store the answer, however often that takes; unsaved where no attempt could help."""
        pause = FIRST_PAUSE
        while True:
            try:
                return Settled(await self._records.close_turn(answer))
            except UnstorableText as error:
                log.error("answer cannot be stored", job=self._turn.job_id, reason=str(error))
                return Settled(None, unsaved=True)
            except StorageError as error:
                log.warning("answer not stored yet", job=self._turn.job_id, reason=str(error))
                await trio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
