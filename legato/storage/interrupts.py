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
"""SO_LINGER without time: unsent bytes are never sent, or a commit could arrive an hour later."""


class _Session(Protocol):
    """The used part of libpq's session."""

    @property
    def socket(self) -> int: ...


class ServerConnection(Protocol):
    """The used part of a psycopg connection."""

    @property
    def pgconn(self) -> _Session: ...


Interruptible = sqlite3.Connection | ServerConnection


def break_of(connection: Interruptible) -> Break:
    """A call that ends a statement running, or waiting, on this connection: the statement fails."""
    if isinstance(connection, sqlite3.Connection):
        return partial(_interrupt, connection)
    return partial(_break_session, connection.pgconn)


def _interrupt(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):  # closed meanwhile
        connection.interrupt()


def _break_session(session: _Session) -> None:
    from psycopg import Error  # whoever has a connection has the package

    with suppress(Error):  # broken already
        shut(session.socket)


def shut(descriptor: int) -> None:
    """Break a connection of another, waiting thread: the thread's wait ends with an error."""
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        plain.shutdown(socket.SHUT_RDWR)
