"""A circuit breaker: a request that would wait in vain is refused at once.

Any caller that finds the storage in trouble opens the breaker; one task probes, and closes the
breaker when the trouble is over.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
import trio

from legato.storage.contracts.errors import StorageError, Unavailable

PAUSE: Final = 0.5
"""Seconds between two probes: at most this late a storage that is back is noticed.  A probe is one
small statement."""

log = structlog.get_logger()


class Breaker:
    """Closed while `trouble` is None, and all goes through; open, `check` refuses."""

    def __init__(self, name: str, probe: Callable[[], Awaitable[object]]) -> None:
        """`name` stands in log lines; `probe` raises StorageError while there is trouble."""
        self.trouble: StorageError | None = None
        self._name = name
        self._probe = probe
        self._opened = trio.Event()
        self._is_watched = False

    def check(self) -> None:
        """Raises Unavailable with the reason, while the breaker is open."""
        if self.trouble is not None:
            raise Unavailable(str(self.trouble))

    def open(self, trouble: StorageError) -> None:
        """Refuse from now on; does nothing while no task would find the end of the trouble."""
        if not self._is_watched:
            return
        self.trouble = trouble
        self._opened.set()

    def close(self) -> None:
        self.trouble = None

    async def run(self) -> None:
        """Probe while the breaker is open, for ever."""
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
        """Probe until the breaker is closed.

        Trouble that the first probe does not find is not logged.
        """
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
    """Run `watch`, which finds the end of trouble, until the block ends."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        yield
        nursery.cancel_scope.cancel()
