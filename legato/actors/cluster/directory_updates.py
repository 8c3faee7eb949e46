"""Tells the directory those facts about jobs which the journal does not tell."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import structlog
import trio

from legato.actors.supervision.crashes import guarded
from legato.storage.contracts.errors import StorageError

_RETRY: Final = 1.0  # seconds until the directory is told once more

log = structlog.get_logger()


class DirectoryUpdates:
    """One task that tells the directory about jobs, each until the directory has heard.

    An update that cannot be told, or has a bug, delays no other.
    """

    def __init__(self) -> None:
        self._due: dict[str, Callable[[], Awaitable[None]]] = {}  # by id: the latest is the truth
        self._trouble: StorageError | None = None  # of the last round
        self._added = trio.Event()

    def add(self, job_id: str, tell: Callable[[], Awaitable[None]]) -> None:
        self._due[job_id] = tell
        self._added.set()

    async def run(self) -> None:
        """Tell, for ever."""
        while True:
            await self._added.wait()
            self._added = trio.Event()
            await self._tell_all()
            if self._due and not self._added.is_set():
                await trio.sleep(_RETRY)
                self._added.set()

    async def _tell_all(self) -> None:
        self._trouble = None
        for job_id in [*self._due]:
            await guarded(partial(self._tell, job_id), job_id)
        if self._trouble is not None:  # a single line is enough for an outage
            reason = str(self._trouble)
            log.warning("directory not told yet", jobs=len(self._due), reason=reason)

    async def _tell(self, job_id: str) -> None:
        tell = self._due[job_id]
        try:
            await tell()
        except StorageError as error:
            self._trouble = error
            return
        if self._due[job_id] is tell:
            del self._due[job_id]
