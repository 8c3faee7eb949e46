"""Owners on a PostgreSQL server: each is a session there, which holds a lock."""

from contextlib import suppress
from secrets import token_bytes
from typing import Final, cast

import structlog
from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError

from legato.storage.interrupts import ServerConnection, break_of
from legato.storage.operations import using

# The end of a process closes its session at once.  The end of a machine the server would notice
# after two hours; therefore the server asks after 10 s of silence, and gives up after three more
# questions of 5 s.
_SETTINGS: Final = (
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
)

_SERVER: Final = 0x1E6A71
"""An arbitrary number, for "a server on Legato's tables that shares nothing else"."""

SECOND_SERVER: Final = (
    "another server uses this database, and no Redis: each answers 404 for the other's generations"
)

log = structlog.get_logger()


class SessionOwnerLocks:
    """Owners as advisory locks, each held by the single session in which the owner writes.

    An owner is never gone and writing at the same moment: an owner without its session has lost the
    open transaction, too, and takes the lock again before the next write.
    """

    def __init__(self, engine: Engine, *, is_server: bool = False) -> None:
        """Be an owner whenever the only connection of `engine` is connected.

        With `is_server`, a warning is logged where another server is an owner, too.
        """
        key = token_bytes(8)
        self.me = key.hex()
        self._connected = False
        self._is_server = is_server
        self._driver_error = engine.dialect.loaded_dbapi.Error
        event.listen(engine, "connect", self._prepare)
        event.listen(engine, "close", self._leave)

    def is_gone(self, owner: str, connection: Connection) -> bool:
        if owner == self.me:
            return False
        # An exclusive lock: nobody holds the owner's, and a returning owner would wait for this
        # transaction.
        lock = func.pg_try_advisory_xact_lock(_key(owner))
        return bool(connection.scalar(select(lock)))

    def close(self) -> None:
        """Does nothing: the connection's end gives the lock up."""

    def _prepare(self, connection: DBAPIConnection, _record: object) -> None:
        try:
            self._join(connection)
        except self._driver_error as error:
            connection.close()  # the pool does not know the connection yet
            raise OperationalError("connect", None, error) from error  # as where none can be made
        except BaseException:
            connection.close()
            raise
        if self._connected:
            log.warning("journal connected again", reason="its connection to PostgreSQL was lost")
        self._connected = True

    def _join(self, connection: DBAPIConnection) -> None:
        cursor = connection.cursor()
        for statement in _SETTINGS:
            cursor.execute(statement)
        # A shared lock: a former session of ours, whose end the server has not noticed, has the
        # lock, too.
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", (_key(self.me),))
        if self._is_server:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (_SERVER,))
            if cursor.fetchone() != (True,) and not self._connected:
                log.warning(SECOND_SERVER)
        cursor.close()
        connection.commit()

    def _leave(self, connection: DBAPIConnection, _record: object) -> None:
        # With an answer awaited: once the unlock has returned, everybody finds this owner gone.
        with using(break_of(cast("ServerConnection", connection))), suppress(self._driver_error):
            connection.cursor().execute("SELECT pg_advisory_unlock_all()")


def _key(owner: str) -> int:
    return int.from_bytes(bytes.fromhex(owner), signed=True)
