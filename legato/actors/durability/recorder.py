"""The one writer of a job's messages: the question before the model reads, the answer at the end.

The job is in the journal before its question is stored, and until after its ending is said.
Therefore the next process can end the job whenever this process is killed.  An owner that lost the
job during a pause has its append refused, and stops before storing a question which nobody would
answer.

A write whose outcome is unknown (the commit was made, its reply was lost) is made again, because
each write may be made twice.  The job waits for a write no longer than `store_timeout`.  After that
the question is only looked for, and the job hears of the question if it is there.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog
import trio
from msgspec.structs import replace

from legato.actors.conversation.plan import InvalidTurn
from legato.actors.conversation.turn import Turn, followed
from legato.actors.conversation.turn_store import TurnStore
from legato.actors.durability.job_journal import JobJournal
from legato.actors.durability.open_writes import OpenWrites
from legato.actors.durability.question_writer import QuestionWriter, growing_pauses
from legato.actors.durability.queue_wait import QueueWait
from legato.actors.durability.recording import Recording
from legato.actors.mailbox import ActorRef
from legato.actors.messages import (
    Ask,
    Failure,
    GetStatus,
    JobMessage,
    NotOpened,
    Opened,
    Opening,
    OpeningOverdue,
    Overdue,
    Stored,
)
from legato.actors.queue.changes import TurnChanges
from legato.actors.queue.turn_queue import TurnQueue
from legato.content import Part
from legato.events import AnyEnding, Created
from legato.models.contract import Model
from legato.storage.contracts.errors import (
    DecidedBefore,
    ForeignConversation,
    RequestTaken,
    StorageError,
    UnstorableText,
)
from legato.storage.contracts.quotas import OverQuota

_OPENING: Final = 0.8
"""Of `store_timeout`, for the question to be stored; the rest is for the ending that says it was
not, so that whoever asked has the refusal within the whole."""

DECIDED: Final = "decided_before"
"""Why a request is refused that decides on a call which another request decided on."""

log = structlog.get_logger()


class Recorder:
    """Runs as children of the job, outside a stop's scope: a stop ends planning, never a write."""

    def __init__(
        self,
        job: ActorRef[JobMessage],
        turn: Turn,
        model: Model,
        journal: JobJournal,
        waiting: TurnChanges,
        recording: Recording,
    ) -> None:
        self.journal = journal
        self.writes = OpenWrites()
        can_go_on = bool(turn.agents) or model.continues
        may_wait = turn.has_tools  # for an answer, beyond this process
        is_resumed = may_wait or (recording.is_resumed and can_go_on)
        self.is_resumable = is_resumed and turn.prompt is None
        self.may_wait = may_wait and turn.prompt is None
        self._job = job
        self._waiting = waiting
        self._turn = turn
        self._model = model
        api_request = turn.prompt.api_request if turn.prompt else None
        self._store: TurnStore = recording.store_of(api_request)
        self._store_timeout = recording.store_timeout
        self._follow_up = recording.follow_up
        self._follows: Sequence[Turn] = ()  # what is to be queued before the job is done
        self._left = recording.store_timeout  # seconds for the ending to be stored
        self._opening: Opening | None = None  # while its question may be stored
        # the reason for refusing the start before the outcome was known
        self._overdue: Failure | None = None
        self._planning = trio.CancelScope()
        self._unwanted = trio.Event()  # set when the question is no longer wanted
        self._question = QuestionWriter(
            turn.job_id, self._store, self._unwanted, self._tell_overdue_opening
        )
        self._stored_answer = Stored(None, unsaved=True)  # the outcome as far as known

    def moment(self) -> int | None:
        """See TurnStore."""
        return self._store.moment()

    def stop_opening(self) -> None:
        """Plan no more, and begin no write of the question."""
        self._planning.cancel()
        self._unwanted.set()

    def forget_prompt(self) -> None:
        """Let go of everything which only an opening needs."""
        self._turn = self._turn.without_prompt()

    # The opening.

    async def open(
        self, predecessors: Sequence[trio.Event], queue: TurnQueue | None, *, is_kept: bool
    ) -> None:
        """Tell the job Opened or NotOpened, once, when the outcome is certain.

        Before, the job may hear Enqueued, and OpeningOverdue.  A turn with a `queue` waits there;
        `is_kept` where the journal has the waiting turn already.
        """
        word: Opened | NotOpened = NotOpened(None)
        opening: Opening | None = None
        try:
            with self._planning:
                for ended in predecessors:
                    await ended.wait()
                if queue is not None:
                    self._turn = await self._waited(queue, is_kept=is_kept)
                opening = self._resumable(await self._store.plan(self._turn, self._model))
        except (InvalidTurn, StorageError) as error:
            word = NotOpened(_failure_of(error))
        self._waiting.end()  # as well where a stop came first
        if opening is not None and not self._unwanted.is_set():
            with self.writes.writing():
                word = await self._write(opening)
                if isinstance(word, Opened):
                    await self._tell_opened(word)
                    return
        await self._job.tell(word)

    async def _tell_opened(self, word: Opened) -> None:
        """Return once the job has acted: a question that comes late is to have an answer."""
        await self._job.tell(word)
        if self._unwanted.is_set():  # otherwise no ending waits for the word
            await self._job.ask(partial(Ask, GetStatus()))

    def _resumable(self, opening: Opening) -> Opening:
        if not self.is_resumable:
            return opening
        return replace(opening, created=self._turn.resumable(opening.created))

    async def reopen(self, created: Created, content: tuple[Part, ...]) -> None:
        """Tell the job the opening of a turn begun by another process, or NotOpened."""
        word: Opened | NotOpened = NotOpened(None)
        try:
            with self._planning:
                word = Opened(await self._store.reopen(self._turn, self._model, created, content))
        except (ForeignConversation, StorageError) as error:
            word = NotOpened(_failure_of(error))
        await self._job.tell(word)

    async def look_up(self) -> None:
        """Tell the job Opened if its question was stored by a crashed task which did not say so."""
        if (opening := self._opening) is not None:
            with self.writes.writing():
                conversation = await self._question.find(opening.created)
                if conversation is not None:
                    opened = Opened(replace(opening, conversation=conversation))
                    await self._tell_opened(opened)

    async def _waited(self, queue: TurnQueue, *, is_kept: bool) -> Turn:
        """Return the turn, as changed meanwhile, when it may begin.

        Raises StorageError where the turn cannot be kept in time.  A steer's words were accepted
        before, and are not given up.
        """
        timeout = self._store_timeout if followed(self._turn) is None else math.inf
        wait = QueueWait(self._job, self._turn, self.journal, self._waiting, queue, timeout)
        if is_kept:
            await wait.rejoin()
        else:
            await wait.enter()
        await wait.over()
        return wait.turn

    async def _write(self, opening: Opening) -> Opened | NotOpened:
        self._opening = opening
        with self.writes.writing():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._time_out)
                word = await self._written(opening)
                nursery.cancel_scope.cancel()
        self._opening = None
        return word

    async def _time_out(self) -> None:
        await trio.sleep(_OPENING * self._store_timeout)
        self._left = (1 - _OPENING) * self._store_timeout
        await self._tell_overdue_opening("the storage does not answer.")

    async def _tell_overdue_opening(self, reason: object) -> None:
        self._overdue = _failure_of(StorageError(reason))
        self.stop_opening()
        await self._job.tell(OpeningOverdue(self._overdue))

    async def _written(self, opening: Opening) -> Opened | NotOpened:
        """Return when the outcome is certain."""
        await self.journal.keep(opening.created)
        try:
            conversation = await self._question.keep(self._turn, opening.created)
        except (
            ForeignConversation,
            RequestTaken,
            DecidedBefore,
            UnstorableText,
            OverQuota,
        ) as error:
            return NotOpened(_failure_of(error))
        if conversation is None:
            return NotOpened(self._overdue)
        return Opened(replace(opening, conversation=conversation))

    # The ending.

    async def close(
        self, ending: AnyEnding, opening: Opening | None, follows: Sequence[Turn] = ()
    ) -> None:
        """Tell the job Stored when the ending is kept, its answer stored, and what follows queued.

        The journal has the ending first: if the process ends before the rest is done, the next
        process knows of the remaining work.
        """
        self._follows = follows
        if opening is None:
            await self.journal.finish(ending)
            self._stored_answer = Stored(None, unsaved=not self.writes.is_idle)
        else:
            with self.writes.writing():  # from here the job has something to store
                await self.journal.finish(ending)
                self._stored_answer = await self._stored(ending, opening.created)
                await self._queue_follows()
        if self.may_be_done(self._stored_answer):
            await self.journal.marked_done()
        await self._job.tell(self._stored_answer)

    def may_be_done(self, stored: Stored) -> bool:
        """Whether nothing is left to be done for the job, in this process or the next."""
        return not stored.unsaved and not self._follows

    async def _queue_follows(self) -> None:
        """Queue the turns that follow, in as many attempts as needed."""
        pauses = growing_pauses()
        while self._follows:
            try:
                if not await self._follow_up(self._follows):
                    return
                self._follows = ()
            except StorageError as error:
                log.warning("words not queued yet", job=self._turn.job_id, reason=str(error))
                await self.writes.pause(next(pauses))

    async def close_late(self, ending: AnyEnding, opening: Opening) -> None:
        """Store the answer to a question which was found after the ending was on its way.

        The journal has the ending first: an owner that has lost the job stores nothing.
        """
        with self.writes.writing():
            await self.journal.over()
            await self._stored(ending, opening.created)
        self.journal.mark_done()

    async def give_up(self) -> None:
        """Tell the job when its ending has waited long enough to be stored.

        This is no deadline around the work: a hanging thread would hold the deadline up, too.
        """
        await self.journal.finished_in_time(self._left, self._tell_overdue)
        await trio.sleep(self._left)
        await self._job.tell(self._stored_answer)

    async def _tell_overdue(self) -> None:
        await self._job.tell(Overdue())

    async def _stored(self, ending: AnyEnding, created: Created) -> Stored:
        """Store the answer, in as many attempts as needed; unsaved where none could help."""
        pauses, job_id = growing_pauses(), self._turn.job_id
        with self.writes.writing():
            while True:
                try:
                    return Stored(await self._store.close(job_id, ending, created))
                except UnstorableText as error:
                    log.error("answer cannot be stored", job=job_id, reason=str(error))
                    return Stored(None, unsaved=True)
                except StorageError as error:
                    log.warning("answer not stored yet", job=job_id, reason=str(error))
                    await self.writes.pause(next(pauses))


def _failure_of(error: Exception) -> Failure:
    """Say why a turn could not be opened."""
    match error:
        case InvalidTurn():
            return Failure("invalid_turn", f"{error.field}: {error}")
        case ForeignConversation():
            return Failure("foreign_conversation", "The conversation belongs to somebody else.")
        case RequestTaken():
            return Failure("request_taken", "The same clientRequestId started another turn.")
        case DecidedBefore():
            return Failure(DECIDED, str(error))
        case OverQuota():
            return Failure("storage_quota", str(error))
        case UnstorableText():  # to try again cannot help
            return Failure("unstorable_text", str(error))
        case _:
            return Failure("storage_unavailable", f"Your message could not be stored: {error}")
