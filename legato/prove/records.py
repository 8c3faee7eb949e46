"""Records in memory that fail, hang and lie on demand."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeVar

import trio
from outcome import Error, Outcome, Value

from legato.content import Conversation, Message
from legato.storage.clock import Clock, utc_now
from legato.storage.contracts.errors import StorageError, UnstorableText
from legato.storage.contracts.quotas import UNBOUNDED, Quota
from legato.storage.contracts.records import Branch, Revision
from legato.storage.memory.records import MemoryRecords

T = TypeVar("T")


def mock_time() -> datetime:
    """Trio's clock as a date: the same in every run of a simulation."""
    return datetime.fromtimestamp(trio.current_time(), UTC)


class FaultyRecords(MemoryRecords):
    """Memory records: failing while `down`, waiting while held, returning only once `returning` is
    set."""

    def __init__(self, *, clock: Clock = utc_now, quota: Quota = UNBOUNDED) -> None:
        super().__init__(clock=clock, quota=quota)
        self.down = False
        self.refused = 0  # writes while `down`
        self.untitled = False
        self.unstorable = False
        self.free = trio.Event()
        self.free.set()
        self.unread = trio.Event()  # while unset, no messages are read
        self.unread.set()
        self.returning = trio.Event()
        self.returning.set()
        self.closed: list[Message] = []
        self.gone_after: int | None = None  # lookups that still find the conversation
        self.pause = 0.0  # seconds until a write is done, and again until the answer comes
        self.fails = 0  # how many of the next calls fail
        self.lies = 0  # how many of the next writes are done, and reported as failed

    def heal(self) -> None:
        self.pause = 0.0
        self.fails = self.lies = 0
        self.down = False
        self.free.set()

    async def conversation(self, conversation_id: str) -> Conversation | None:
        if self.gone_after is not None:
            self.gone_after -= 1
            if self.gone_after < 0:
                return None
        return await super().conversation(conversation_id)

    async def branch(
        self, conversation_id: str, message_id: str | None = None, *, most: int
    ) -> Branch:
        await self.unread.wait()
        return await super().branch(conversation_id, message_id, most=most)

    async def open_turn(
        self,
        conversation: Conversation,
        message: Message,
        *,
        request_id: str | None = None,
        revision: Revision | None = None,
    ) -> Conversation:
        await self._usable()
        opened = await super().open_turn(
            conversation, message, request_id=request_id, revision=revision
        )
        with trio.CancelScope(shield=True):
            await self.returning.wait()
        await self._reported()
        return opened

    async def close_turn(self, message: Message, *, job_id: str) -> Conversation | None:
        await self._usable()
        if self.unstorable:
            raise UnstorableText("half a character")
        stored = await super().close_turn(message, job_id=job_id)
        self.closed.append(message)
        await self._reported()
        return stored

    async def retitle(
        self, conversation_id: str, title: str, *, made_of: str | None = None
    ) -> Conversation | None:
        if self.untitled:
            raise StorageError("no titles today")
        return await super().retitle(conversation_id, title, made_of=made_of)

    def hold(self) -> None:
        if self.free.is_set():  # a second event would leave the first event's waiters for ever
            self.free = trio.Event()

    def release(self) -> None:
        self.free.set()

    @property
    def is_slow(self) -> bool:
        """Whether a write takes any time."""
        return bool(self.pause) or not (self.free.is_set() and self.returning.is_set())

    def abandon(self) -> None:
        self.down = True
        self.release()

    async def _enter(self, *given: object) -> None:
        await super()._enter(*given)
        if self.fails > 0:
            self.fails -= 1
            raise StorageError("the database failed")

    async def _usable(self) -> None:
        with trio.CancelScope(shield=True):  # a real database's thread is not cancelled either
            await self.free.wait()
            await self._take_time()
        if self.down:
            self.refused += 1
            raise StorageError("the disk is full")

    async def _reported(self) -> None:
        with trio.CancelScope(shield=True):
            await self._take_time()
        if self.lies > 0:
            self.lies -= 1
            raise StorageError("the database did not answer")

    async def _take_time(self) -> None:
        if self.pause:
            await trio.sleep(self.pause)


class RecordsShare:
    """A replica's access to the records: as in a thread, a write goes on though nobody waits."""

    def __init__(self, records: FaultyRecords, threads: trio.Nursery) -> None:
        self._records = records
        self._threads = threads
        self._abandoned = trio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def abandon(self) -> None:
        """See Records."""
        self._abandoned.set()

    async def open_turn(
        self,
        conversation: Conversation,
        message: Message,
        *,
        request_id: str | None = None,
        revision: Revision | None = None,
    ) -> Conversation:
        work = self._records.open_turn
        return await self._done(
            partial(work, conversation, message, request_id=request_id, revision=revision)
        )

    async def close_turn(self, message: Message, *, job_id: str) -> Conversation | None:
        return await self._done(partial(self._records.close_turn, message, job_id=job_id))

    async def _done(self, work: Callable[[], Awaitable[T]]) -> T:
        if not self._records.is_slow:
            return await work()
        thread = _Thread(work)
        self._threads.start_soon(thread.run)
        with trio.CancelScope(shield=True):
            await self._ended(thread)
        if thread.outcome is None:
            raise StorageError("the process ends, and the database did not answer in time")
        return thread.outcome.unwrap()

    async def _ended(self, thread: "_Thread[T]") -> None:
        """Return when the thread has ended, or is abandoned."""
        async with trio.open_nursery() as nursery:
            for event in (thread.ended, self._abandoned):
                nursery.start_soon(_first, event, nursery.cancel_scope)


async def _first(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


class _Thread(Generic[T]):
    """A write under way, which no cancellation of the caller ends."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self.outcome: Outcome[T] | None = None
        self.ended = trio.Event()
        self._work = work

    async def run(self) -> None:
        try:
            self.outcome = Value(await self._work())
        except Exception as error:
            self.outcome = Error(error)
        finally:
            self.ended.set()
