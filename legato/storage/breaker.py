"""A circuit breaker: a request that would wait in vain is refused at once.

Any caller that finds the storage in trouble opens the breaker; one task probes, and closes the
breaker when the trouble is over.  Where no work ends for long, the task probes before work fails.

A long line of work is no trouble: as long as work ends, the storage answers, though a probe may
wait in the line for longer than a probe may take.
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import structlog
import trio

from legato.storage.contracts.errors import StorageError, Unavailable

PAUSE: Final = 0.5
"""Seconds between two probes: at most this late a storage that is back is noticed.  A probe is one
small statement."""

LONG: Final = 1.0
"""Seconds in which no work ends, after which the storage is suspected: a hundred times what a write
takes."""

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
        self._under_way: dict[object, float] = {}  # when each piece of work began, oldest first
        self._answers = 0  # of the storage: work that ended well
        self._answered_at = -math.inf

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count the block as work that the storage should do soon."""
        self._under_way[work := object()] = trio.current_time()
        try:
            yield
        finally:
            del self._under_way[work]

    def check(self) -> None:
        """Raises Unavailable while the breaker is open, with the reason.

        Where no work has ended for long, though some began before, the storage is probed: if in
        vain, the next check raises.
        """
        began = next(iter(self._under_way.values()), math.inf)
        if trio.current_time() - max(began, self._answered_at) > LONG:
            self.suspect()
        if self.trouble is not None:
            raise Unavailable(str(self.trouble))

    def open(self, trouble: StorageError) -> None:
        """Refuse from now on; does nothing while no task would find the end of the trouble."""
        if not self._is_watched:
            return
        self.trouble = trouble
        self._opened.set()

    def suspect(self) -> None:
        """Have the storage probed; the breaker opens if the probe fails."""
        if self._is_watched:
            self._opened.set()

    def close(self) -> None:
        """Let all through from now on: the storage has answered."""
        self._answers += 1
        self._answered_at = trio.current_time()
        self.trouble = None

    async def probe(self) -> None:
        """Raises StorageError where the storage answers neither the probe nor any other work."""
        seen = self._answers
        try:
            await self._probe()
        except StorageError:
            if self._answers == seen:
                raise

    async def run(self) -> None:
        """Probe while the breaker is open, or there is a suspicion, for ever."""
        self._is_watched = True
        try:
            while True:
                await self._opened.wait()
                await self._recover()
                self._opened = trio.Event()  # what was suspected meanwhile was probed
        finally:
            self._is_watched = False
            self.trouble = None

    async def _recover(self) -> None:
        """Return when the breaker is closed; only what the first probe finds is logged."""
        if not await self._finds_trouble():
            return
        log.error("storage in trouble", storage=self._name, reason=str(self.trouble))
        while await self._finds_trouble_later():
            pass
        log.info("storage works again", storage=self._name)

    async def _finds_trouble_later(self) -> bool:
        await trio.sleep(PAUSE)
        return self.trouble is not None and await self._finds_trouble()

    async def _finds_trouble(self) -> bool:
        try:
            await self.probe()
        except StorageError as error:
            self.trouble = error
        else:
            self.close()
        return self.trouble is not None


@asynccontextmanager
async def watched(watch: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run `watch`, which finds the end of trouble, until the block ends."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        yield
        nursery.cancel_scope.cancel()
