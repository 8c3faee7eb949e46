"""A connection on which Trio's own thread speaks: for what is small, frequent and urgent.

A worker thread is handed its work and hands it back, each time as late as the interpreter's lock is
busy; for a packet of a few tokens that is most of the time it takes.  What is large, or is encoded
first, is better off in a thread.
"""

import ssl
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final, cast

import trio
from hiredis import Reader, pack_command
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as Late

from legato.storage.redis.connection.commands import Answer, Word
from legato.storage.redis.connection.pools import Pool, Socket, Wire, socket_of

_READ: Final = 64 * 1024  # bytes at a time
_NOT_WHOLE: Final = object()  # what hiredis gives where a reply is not there yet
_pack: Final = cast("Callable[[tuple[Word, ...]], bytes]", pack_command)  # its stub says: one word


class Line:
    """Connected when it is used first; after a failure, or who waited left, connected anew."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._connection: Wire | None = None
        self._replies = _reader()

    async def exchange(self, commands: Sequence[tuple[Word, ...]], until: float) -> list[Answer]:
        """What the server answers to each, until that moment of Trio's clock.

        Raises:
            RedisError, OSError: where it cannot be used; what was done is not certain then.
        """
        try:
            with trio.CancelScope(deadline=until):
                plain = await self._socket()
                await _send(plain, b"".join(map(_pack, commands)))
                return [await self._answer(plain) for _ in commands]
        except BaseException:
            self.close()  # replies that were not read are nobody else's
            raise
        self.close()
        raise Late("the server did not answer in time")

    def close(self) -> None:
        connection, self._connection = self._connection, None
        self._replies = _reader()
        if connection is not None:
            connection.disconnect()
            self.pool.release(connection)

    async def _socket(self) -> Socket:
        if self._connection is not None and not _is_idle(socket_of(self._connection)):
            self.close()  # its server went while nothing was said
        if self._connection is None:
            self._connection = await _Connecting(self.pool).run()
            socket_of(self._connection).setblocking(False)
        return socket_of(self._connection)

    async def _answer(self, plain: Socket) -> Answer:
        while (reply := self._replies.gets()) is _NOT_WHOLE:
            self._replies.feed(await _receive(plain))
        return cast("Answer", reply)


class _Connecting:
    """A connection in the making: who waits for it may leave, and then it goes back to the pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = Lock()  # between the worker thread and Trio's
        self._made: Wire | None = None
        self._is_wanted = True

    async def run(self) -> Wire:
        try:
            return await trio.to_thread.run_sync(self._make, abandon_on_cancel=True)
        except trio.Cancelled:
            with self._lock:
                self._is_wanted = False
            if self._made is not None:
                self._give_back(self._made)
            raise

    def _make(self) -> Wire:
        made = self._pool.get_connection()
        with self._lock:
            self._made = made if self._is_wanted else None
        if self._made is None:
            self._give_back(made)
        return made

    def _give_back(self, made: Wire) -> None:
        made.disconnect()
        self._pool.release(made)


def _reader() -> Reader:
    return Reader(replyError=ResponseError, notEnoughData=_NOT_WHOLE)


def _is_idle(plain: Socket) -> bool:
    try:
        plain.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    return False


async def _send(plain: Socket, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[plain.send(left) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            await trio.lowlevel.wait_writable(plain)
        except ssl.SSLWantReadError:
            await trio.lowlevel.wait_readable(plain)


async def _receive(plain: Socket) -> bytes:
    while True:
        try:
            received = plain.recv(_READ)
        except (BlockingIOError, ssl.SSLWantReadError):
            await trio.lowlevel.wait_readable(plain)
        except ssl.SSLWantWriteError:
            await trio.lowlevel.wait_writable(plain)
        else:
            if not received:
                raise Broken("the server closed the connection")
            return received
