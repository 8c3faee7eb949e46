"""How the wait of a thread in a database's driver is ended from outside."""

import os
import socket
import sqlite3
import struct
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from legato.storage.operations import Break

_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER without time: what was not sent yet never is, so no commit arrives an hour later."""


class _Session(Protocol):
    """libpq's."""

    @property
    def socket(self) -> int: ...


class ServerConnection(Protocol):
    """What is used of a psycopg connection."""

    @property
    def pgconn(self) -> _Session: ...


Interruptible = sqlite3.Connection | ServerConnection


def break_of(connection: Interruptible) -> Break:
    """What ends a statement that runs, or waits, on that connection: it fails."""
    if isinstance(connection, sqlite3.Connection):
        return partial(_interrupt, connection)
    return partial(_break_session, connection.pgconn)


def _interrupt(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):  # closed meanwhile
        connection.interrupt()


def _break_session(session: _Session) -> None:
    from psycopg import Error  # who has a connection has the package

    with suppress(Error):  # broken already
        shut(session.socket)


def shut(descriptor: int) -> None:
    """Break a connection that another thread waits for, which then hears that it is broken."""
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        plain.shutdown(socket.SHUT_RDWR)
