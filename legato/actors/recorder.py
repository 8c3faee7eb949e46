"""The one writer of a job's messages: the question before the model reads, the answer at the end.

With a journal, the job is in there before its question is stored, and until after its end is said.
So whenever the process is killed, whoever comes next can bring it to an end; and who lost the job
to another while it was held up is told so there, and stores nothing that nobody will answer.
"""

from collections.abc import Callable

import structlog
import trio
from msgspec import structs

from legato.actors.archive import Archive, archive_of
from legato.actors.journaling import JournalWriter
from legato.actors.keeping import store_beginning, store_ending
from legato.actors.log import Log
from legato.actors.memoir import Memoir, Unwritten, Written
from legato.actors.messages import Opening, Settled
from legato.actors.turn import Turn, without_prompt
from legato.content import Part
from legato.events import AnyEnding, Created
from legato.models.contract import Model
from legato.storage.contract import Records, StorageError, UnstorableText

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
        self.noted: Created | None = None  # once it may be in the journal
        self.opening: Opening | None = None  # once the question is kept

    async def open(self) -> Opening:
        """Keep the question; with it, what the model shall read.

        Raises:
            StorageError, ForeignConversation, RequestTaken: as the storage does.
            InvalidTurn: if the conversation changed so that the turn has no place in it.
        """
        opening = await self._archive().plan()
        if self._journal is not None:
            await self._begin(opening.created, self._journal)
        conversation = await store_beginning(self._turn, opening.created, self._records)
        self.opening = structs.replace(opening, conversation=conversation)
        return self.opening

    async def _begin(self, created: Created, journal: JournalWriter) -> None:
        self.noted = created
        if not await journal.begin(self._turn.job_id, self._epoch, created):
            self._on_fenced()
            await trio.lowlevel.checkpoint()  # it ends here, with the job's other tasks
        self._position = 1

    async def reopen(self, created: Created, content: tuple[Part, ...]) -> Opening:
        """See `Archive.reopen`."""
        return await self._archive().reopen(created, content)

    def _archive(self) -> Archive:
        return archive_of(self._turn, self._model, self._records)

    def forget_prompt(self) -> None:
        """Nothing is to be opened any more."""
        self._turn = without_prompt(self._turn)
        self.opening = None

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

    async def close(self, ending: AnyEnding, opening: Opening | None, memoir: Memoir) -> Settled:
        """Store the ending's answer, however often that takes; unsaved where no attempt could help.

        The journal has the ending first: if the process ends before the answer is stored, whoever
        comes next knows what is still to be done.
        """
        await memoir.finish(ending)
        settled = await self._store(ending, opening.created if opening else None)
        if not settled.unsaved:
            await memoir.settled()
        return settled

    async def _store(self, ending: AnyEnding, created: Created | None) -> Settled:
        pause, job_id = FIRST_PAUSE, self._turn.job_id
        while True:
            try:
                return Settled(await store_ending(ending, created, self._records, job_id=job_id))
            except UnstorableText as error:
                log.error("answer cannot be stored", job=job_id, reason=str(error))
                return Settled(None, unsaved=True)
            except StorageError as error:
                log.warning("answer not stored yet", job=job_id, reason=str(error))
                await trio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
