"""A circuit breaker: what is known to be in vain is refused at once.

Whoever finds the storage in trouble opens the breaker; one task finds out when the trouble is over.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
import trio

from legato.storage.contracts.errors import StorageError, Unavailable

PAUSE: Final = 0.5
"""Seconds between two probes: so late is it noticed that a storage is back.  A probe is one small
statement."""

log = structlog.get_logger()


class Breaker:
    """Closed while `trouble` is None, and all goes through; open, `check` refuses."""

    def __init__(self, name: str, probe: Callable[[], Awaitable[object]]) -> None:
        """`name` is what the log calls it; `probe` raises StorageError while there is trouble."""
        self.trouble: StorageError | None = None
        self._name = name
        self._probe = probe
        self._opened = trio.Event()
        self._is_watched = False

    def check(self) -> None:
        """Raises Unavailable while it is open, with the reason."""
        if self.trouble is not None:
            raise Unavailable(str(self.trouble))

    def open(self, trouble: StorageError) -> None:
        """Refuse from now on; not where nobody would find out that it is over."""
        if not self._is_watched:
            return
        self.trouble = trouble
        self._opened.set()

    def close(self) -> None:
        self.trouble = None

    async def run(self) -> None:
        """Probe while it is open, for ever."""
        self._is_watched = True
        try:
            while True:
                await self._opened.wait()
                await self._recover()
                self._opened = trio.Event()
        finally:
            self._is_watched = False
            self.close()

    async def _recover(self) -> None:
        """Return when it is closed.  Trouble that the first probe does not find is not logged."""
        is_known = False
        while self.trouble is not None:
            try:
                await self._probe()
            except StorageError as error:
                if not is_known:
                    log.error("storage in trouble", storage=self._name, reason=str(error))
                is_known = True
                self.trouble = error
                await trio.sleep(PAUSE)
            else:
                self.close()
        if is_known:
            log.info("storage works again", storage=self._name)


@asynccontextmanager
async def watched(watch: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Until the block ends somebody finds out when trouble is over; `watch` is what a storage has
    for that."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        yield
        nursery.cancel_scope.cancel()
