"""A connection on Trio's own thread, for small, frequent and urgent commands.

A worker thread gets its work, and returns the result, as late as the interpreter's lock is busy;
for a packet of a few tokens this is most of the time.  Large commands, and commands encoded first,
are better off in a thread.
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
_NOT_WHOLE: Final = object()  # hiredis's word for an incomplete reply
# the stub allows one word only
_pack: Final = cast("Callable[[tuple[Word, ...]], bytes]", pack_command)


class Line:
    """Connected at the first use, and connected anew after a failure or a cancelled exchange."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._connection: Wire | None = None
        self._replies = _reader()

    async def exchange(self, commands: Sequence[tuple[Word, ...]], until: float) -> list[Answer]:
        """The server's answer to each command, until the moment `until` of Trio's clock.

        Raises:
            RedisError, OSError: where the server cannot be used; what was done is not certain then.
        """
        try:
            with trio.CancelScope(deadline=until):
                plain = await self._socket()
                await _send(plain, b"".join(map(_pack, commands)))
                return [await self._answer(plain) for _ in commands]
        except BaseException:
            self.close()  # unread replies must not reach the next user
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
            self.close()  # the server went while nothing was sent
        if self._connection is None:
            self._connection = await _Connecting(self.pool).run()
            socket_of(self._connection).setblocking(False)
        return socket_of(self._connection)

    async def _answer(self, plain: Socket) -> Answer:
        while (reply := self._replies.gets()) is _NOT_WHOLE:
            self._replies.feed(await _receive(plain))
        return cast("Answer", reply)


class _Connecting:
    """A connection in the making, which goes back to the pool if the waiting caller leaves."""

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
