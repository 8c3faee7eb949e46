"""The worker threads in which all SQL runs, one for each connection."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

import trio
from sqlalchemy import Connection

from legato.storage.breaker import Breaker
from legato.storage.contracts.errors import StorageError, Unavailable
from legato.storage.contracts.records import PING_TIMEOUT
from legato.storage.operations import require_wanted
from legato.storage.sql.connection.engines import TIMEOUT, Engines
from legato.storage.sql.connection.errors import translated
from legato.storage.sql.connection.probes import probe_reading, probe_writing
from legato.storage.threads import Threads

T = TypeVar("T")
Work = Callable[[Connection], T]

CLOSE_TIMEOUT: Final = 1.5
"""Seconds to close the connections, which also moves SQLite's log into the database: some
megabytes, left otherwise to the next process that opens the file …"""

LAST_CLOSE_TIMEOUT: Final = 0.5
"""… and seconds where no work is brought to its end any more."""


class Side:
    """The writing side, or the reading side: each may be in trouble while the other works."""

    def __init__(self, name: str, turns: int, probe: Callable[[], None], threads: Threads) -> None:
        self.turns = trio.CapacityLimiter(turns)
        self.breaker = Breaker(name, self.probe)
        self._probe = probe
        self._threads = threads

    async def probe(self) -> None:
        """Raises StorageError after PING_TIMEOUT seconds at the latest."""
        await self._threads.run(self._probe, self.turns, timeout_=PING_TIMEOUT)
        self.breaker.close()


class Database:
    """Runs work on connections, never more at once than there are connections.

    SQLite takes one writer at a time, and the writing engine has a single connection: writes queue
    in order instead of failing with "database is locked".
    """

    def __init__(
        self, engines: Engines, *, name: str = "database", timeout: float = TIMEOUT
    ) -> None:
        """`name` stands in log lines; `timeout`: seconds for each piece of work."""
        self._engines = engines
        self._closed = False
        self._abandoned = False
        self._threads = Threads("the database", timeout)
        self._closing = Threads("the database", CLOSE_TIMEOUT)
        self._writing = self._side(
            f"{name}, writing", engines.writers, partial(self._in_transaction, probe_writing)
        )
        self._reading = self._side(
            f"{name}, reading", engines.readers, partial(self._connected, probe_reading)
        )

    def _side(self, name: str, turns: int, probe: Callable[[], None]) -> Side:
        return Side(name, turns, partial(self._translated, probe), self._threads)

    @property
    def dialect(self) -> str:
        """sqlite or postgresql."""
        return self._engines.writer.dialect.name

    async def watch(self) -> None:
        """Find out when troubles are over, for ever."""
        async with trio.open_nursery() as nursery:
            for side in (self._writing, self._reading):
                nursery.start_soon(side.breaker.run)

    async def write(self, work: Work[T], *, anyway: bool = False) -> T:
        """Run `work` in one transaction, which is undone if `work` raises.

        A write known to be in vain is refused, unless the caller tries `anyway`.
        """
        return await self._in_thread(self._writing, partial(self._in_transaction, work), anyway)

    async def read(self, work: Work[T], *, anyway: bool = False) -> T:
        """Run `work`, a single SELECT, without waiting for writes."""
        return await self._in_thread(self._reading, partial(self._connected, work), anyway)

    async def ping(self) -> None:
        """Raises StorageError where the database cannot be written to, or not be read."""
        self._reading.breaker.check()
        try:
            await self._writing.breaker.probe()
        except StorageError:
            self._writing.breaker.suspect()
            raise

    def check(self) -> None:
        """Raises Unavailable while nothing can be written, as far as is known."""
        self._writing.breaker.check()

    async def aclose(self) -> None:
        """Close the connections.  Call only after all reading and writing.

        Connections whose server does not answer are left to the end of the process.
        """
        self._closed = True
        seconds = LAST_CLOSE_TIMEOUT if self._abandoned else CLOSE_TIMEOUT
        with suppress(Unavailable):
            await self._closing.run(
                self._engines.dispose, trio.CapacityLimiter(1), timeout_=seconds
            )

    def abandon(self) -> None:
        """See Records."""
        self._abandoned = True
        self._threads.abandon()
        if self._closed:
            self._closing.abandon()

    async def _in_thread(self, side: Side, work: Callable[[], T], anyway: bool) -> T:
        # A cancelled caller still waits for its thread: no transaction is torn, and a stored row is
        # reported as stored.  Only the deadline and `abandon` cut the wait.
        if not anyway:
            side.breaker.check()
        try:
            with side.breaker.under_way():
                done = await self._threads.run(partial(self._translated, work), side.turns)
        except Unavailable as error:
            if not self._abandoned:
                side.breaker.open(error)
            raise
        side.breaker.close()
        return done

    def _in_transaction(self, work: Work[T]) -> T:
        with self._engines.writer.begin() as connection:
            done = work(connection)
            # a write that nobody waits for must not appear later, after a look found nothing
            require_wanted()
            return done

    def _connected(self, work: Work[T]) -> T:
        with self._engines.reader.connect() as connection:
            return work(connection)

    def _translated(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise StorageError("The storage is closed.")
        with translated():
            return work()
