"""The one writer of a job's messages: the question before it begins, the answer before its end.

With a journal, the job is in there from before it is begun until after its end is said; so whenever
the process is killed, whoever comes next can bring it to an end.
"""

from collections.abc import Callable

import structlog
import trio
from msgspec import structs

from legato.actors.history import begun, chat, fitting, thread
from legato.actors.journaling import JournalWriter
from legato.actors.log import Log
from legato.actors.memoir import Memoir, Unwritten, Written
from legato.actors.messages import Opening, Settled
from legato.actors.turn import Turn, plan
from legato.content import Conversation, Message, Part
from legato.events import AnyEnding, Created
from legato.models.contract import ChatMessage, Model, ModelRequest
from legato.storage.contract import ForeignConversation, Records, StorageError, UnstorableText

FIRST_PAUSE = 0.25  # seconds between attempts to store an answer; each is twice the last …
LONGEST_PAUSE = 60.0  # … up to this

log = structlog.get_logger()


class Recorder:
    def __init__(
        self,
        turn: Turn,
        epoch: int,
        model: Model,
        records: Records,
        journal: JournalWriter | None,
        on_fenced: Callable[[], None],
        position: int = 0,
    ) -> None:
        """`position`: up to where the journal has the job; `on_fenced`: another owns it by now."""
        self._turn = turn
        self._epoch = epoch
        self._model = model
        self._records = records
        self._journal = journal
        self._on_fenced = on_fenced
        self._position = position
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
        await self._begin(self.opening.created)
        return self.opening

    async def _begin(self, created: Created) -> None:
        if self._journal is not None:
            if not await self._journal.begin(self._turn.job_id, self._epoch, created):
                self._on_fenced()
                await trio.lowlevel.checkpoint()  # it ends here, with the job's other tasks
            self._position = 1

    async def reopen(self, created: Created, content: tuple[Part, ...]) -> Opening:
        """The opening of a job that another replica began, for the model to go on from `content`.

        Raises:
            StorageError: as the storage does.
            ForeignConversation: if the conversation is gone.
        """
        conversation_id = created.request.conversation_id
        messages = await self._records.messages(conversation_id)
        conversation = await self._records.conversation(conversation_id)
        if conversation is None:
            raise ForeignConversation(conversation_id)
        history = list(chat(thread(messages, created.request.message_id)))
        opening = self._opening(created.request, content, history, conversation)
        return structs.replace(opening, created=created)

    def memoir(self, source: Log) -> Memoir:
        """Where the job is written down whose log this is."""
        if self._journal is None:
            return Unwritten()
        job_id, epoch = self._turn.job_id, self._epoch
        return Written(job_id, epoch, source, self._position, self._journal, self._on_fenced)

    def early_memoir(self, source: Log) -> Memoir:
        """The same before it has begun: where others may take it over, they must know also of an
        ending that came before."""
        is_shared = self._journal is not None and self._journal.patience > 0
        return self.memoir(source) if is_shared else Unwritten()

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

    async def close(self, ending: AnyEnding, memoir: Memoir) -> Settled:
        """Store the ending's answer, however often that takes; unsaved where no attempt could help.

        The journal has the ending first: if the process ends before the answer is stored, whoever
        comes next knows what is still to be done.
        """
        await memoir.finish(ending)
        settled = await self._store(ending.response) if ending.response else Settled(None)
        if not settled.unsaved:
            await memoir.settled()
        return settled

    async def _store(self, answer: Message) -> Settled:
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
