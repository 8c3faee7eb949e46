"""The worker threads in which all SQL runs, one for each connection."""

import math
from collections.abc import Callable
from typing import TypeVar

import trio
from sqlalchemy import Connection

from legato.storage.contract import StorageError
from legato.storage.engines import Engines
from legato.storage.errors import translated

T = TypeVar("T")
Work = Callable[[Connection], T]


class Database:
    """Runs work on connections; no more at once than there are connections.

    SQLite takes one writer at a time, so its writing engine has one connection and our
    writes queue for it, in order, instead of failing with "database is locked".
    """

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._writes = trio.CapacityLimiter(engines.writers)
        self._reads = trio.CapacityLimiter(engines.readers)
        self._closed = False
        self._threads = trio.CapacityLimiter(math.inf)  # the other limiters bound them
        self._working: set[trio.CancelScope] = set()  # one for each thread that is waited for

    @property
    def dialect(self) -> str:
        """sqlite or postgresql."""
        return self._engines.writer.dialect.name

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction, which is undone if it raises."""

        def transaction() -> T:
            with self._engines.writer.begin() as connection:
                return work(connection)

        return await self._in_thread(transaction, self._writes)

    async def read(self, work: Work[T]) -> T:
        """Run `work`, which is one SELECT; it does not wait for writes."""

        def statement() -> T:
            with self._engines.reader.connect() as connection:
                return work(connection)

        return await self._in_thread(statement, self._reads)

    async def aclose(self) -> None:
        """Close the connections.  Nobody may be reading or writing any more."""
        self._closed = True
        await trio.to_thread.run_sync(self._engines.dispose, limiter=self._writes)

    def abandon(self) -> None:
        """See Records."""
        for scope in self._working:
            scope.cancel()

    async def _in_thread(self, work: Callable[[], T], limiter: trio.CapacityLimiter) -> T:
        # A caller that is cancelled still waits for its thread: no transaction is torn, and what
        # was stored is reported as stored.  Only `abandon` cuts that.
        async with limiter:
            with trio.CancelScope(shield=True) as scope:
                self._working.add(scope)
                try:
                    return await trio.to_thread.run_sync(
                        self._translated, work, limiter=self._threads, abandon_on_cancel=True
                    )
                finally:
                    self._working.discard(scope)
            raise StorageError("The process ends, and the database did not answer in time.")

    def _translated(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise StorageError("The storage is closed.")
        with translated():
            return work()
