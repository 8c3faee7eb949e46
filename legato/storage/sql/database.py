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
from legato.storage.sql.engines import TIMEOUT, Engines
from legato.storage.sql.errors import translated
from legato.storage.sql.probes import probe_reading, probe_writing
from legato.storage.threads import Threads

T = TypeVar("T")
Work = Callable[[Connection], T]

CLOSE_TIMEOUT: Final = 1.5
"""Seconds to close the connections.  That also moves SQLite's log into the database, some
megabytes, which otherwise whoever opens it next does …"""

LAST_CLOSE_TIMEOUT: Final = 0.5
"""… and where nothing is to be brought to its end any more."""


class Side:
    """Writing, or reading: one may be in trouble while the other works."""

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
    """Runs work on connections; no more at once than there are connections.

    SQLite takes one writer at a time, so its writing engine has one connection and our
    writes queue for it, in order, instead of failing with "database is locked".
    """

    def __init__(
        self, engines: Engines, *, name: str = "database", timeout: float = TIMEOUT
    ) -> None:
        """`name` is what the log calls it; `timeout`: seconds for each piece of work."""
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
        """Run `work` in one transaction, which is undone if it raises.

        While it is known that this would be in vain, it is refused, unless it is tried `anyway`.
        """
        return await self._in_thread(self._writing, partial(self._in_transaction, work), anyway)

    async def read(self, work: Work[T], *, anyway: bool = False) -> T:
        """Run `work`, which is one SELECT; it does not wait for writes."""
        return await self._in_thread(self._reading, partial(self._connected, work), anyway)

    async def ping(self) -> None:
        """Try whether it can be written to; raises StorageError where not, or not be read."""
        self._reading.breaker.check()
        try:
            await self._writing.probe()
        except StorageError:
            self._writing.breaker.suspect()
            raise

    def check(self) -> None:
        """Raises Unavailable while it is known that nothing can be written."""
        self._writing.breaker.check()

    async def aclose(self) -> None:
        """Close the connections.  Nobody may be reading or writing any more.

        Those whose server does not answer are left to the end of the process.
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
        # A caller that is cancelled still waits for its thread: no transaction is torn, and what
        # was stored is reported as stored.  Only its deadline and `abandon` cut that.
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
            require_wanted()  # or it would be found later, where it was looked for in vain
            return done

    def _connected(self, work: Work[T]) -> T:
        with self._engines.reader.connect() as connection:
            return work(connection)

    def _translated(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise StorageError("The storage is closed.")
        with translated():
            return work()
