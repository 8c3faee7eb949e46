"""Stores a turn's question, until it is certain whether the storage has the question.

A write whose outcome is unknown (the commit was made, its reply was lost) is made again, because
the same question is stored once however often it is written.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import structlog
import trio

from legato.actors.conversation.turn import Turn
from legato.actors.conversation.turn_store import TurnStore
from legato.content import Conversation
from legato.events import Created
from legato.storage.contracts.errors import StorageError, UnstorableText
from legato.storage.contracts.quotas import OverQuota

_RETRIES: Final = (0.25, 0.5, 1.0)
"""Seconds between attempts to store the question; after the last the start is refused, for whoever
asked looks at an empty page."""

_FIRST_PAUSE: Final = 0.25  # seconds between attempts that go on for ever; each is twice the last …
_LONGEST_PAUSE: Final = 60.0  # … up to this

log = structlog.get_logger()


class QuestionWriter:
    """Writes one job's question.  `unwanted` is set once the question is no longer wanted."""

    def __init__(
        self,
        job_id: str,
        store: TurnStore,
        unwanted: trio.Event,
        tell_overdue: Callable[[object], Awaitable[None]],
    ) -> None:
        """`tell_overdue` is given the reason when the attempts are over and the outcome unknown."""
        self._job_id = job_id
        self._store = store
        self._unwanted = unwanted
        self._tell_overdue = tell_overdue

    async def keep(self, turn: Turn, created: Created) -> Conversation | None:
        """None where the question is not stored, and is not wanted any more.

        Raises:
            ForeignConversation, RequestTaken, DecidedBefore, UnstorableText, OverQuota: as the
                storage does.
        """
        if self._unwanted.is_set():
            return None
        pauses = iter(_RETRIES)
        is_first = True
        while True:
            try:
                return await self._store.open(turn, created)
            except UnstorableText:
                raise
            except OverQuota as error:
                return await self._found_or(error, created, is_first=is_first)
            except StorageError as error:
                log.warning("question not stored yet", job=self._job_id, reason=str(error))
                if (pause := next(pauses, None)) is None:
                    await self._tell_overdue(error)
                    return await self.find(created)
            is_first = False
            with trio.move_on_after(pause):
                await self._unwanted.wait()
            if self._unwanted.is_set():
                return await self.find(created)

    async def _found_or(
        self, refused: OverQuota, created: Created, *, is_first: bool
    ) -> Conversation:
        """An attempt without a reply may have stored the question, and have taken the last room."""
        if is_first or (found := await self.find(created)) is None:
            raise refused
        return found

    async def find(self, created: Created) -> Conversation | None:
        """See TurnStore.opened; repeated until the storage answers."""
        pauses = growing_pauses()
        while True:
            try:
                return await self._store.opened(created)
            except StorageError as error:
                log.warning("question not found yet", job=self._job_id, reason=str(error))
                await trio.sleep(next(pauses))


def growing_pauses() -> Iterator[float]:
    """Yield seconds, for ever."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)
