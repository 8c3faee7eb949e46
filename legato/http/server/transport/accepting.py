"""Where connections are accepted.  One that cannot be served is told so, and not left waiting."""

import errno
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog
import trio
from msgspec import json

from legato.http.server.transport.client_stream import has_left
from legato.http.server.transport.descriptors import Reserve
from legato.http.server.transport.limit import ConnectionLimit, Full

EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

FAILED: Final = (
    *(errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.ENOPROTOOPT, errno.EOPNOTSUPP),
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENONET),
)
"""Errors of a connection that was to be accepted: the next connection may be good."""

BURST: Final = 64
"""Clients that have left already, and are dropped in one turn of the loop: 5 ms at most."""

PAUSE: Final = 0.1  # seconds until the next try, where not even the reserve was of use

LINGER: Final = 1.0
"""Seconds in which a client that is refused may send its request.  Closing under that makes its
system throw the answer away."""

BRIEF: Final = 0.01  # seconds of the same, where others wait behind it

MAX_LINGERING: Final = 64  # clients that are waited for at the same time

RETRY_AFTER: Final = 5  # seconds

SILENCE: Final = 60.0  # seconds between two lines of the log: refused are hundreds at a time

WORDS: Final = {
    Full.PROCESS: "It has as many connections as it may have",
    Full.ADDRESS: "There are as many connections from your address as there may be",
    Full.DESCRIPTORS: "It has no descriptor left for a connection",
}

Serve = Callable[[trio.SocketStream], Awaitable[None]]

log = structlog.get_logger()


class Acceptor:
    def __init__(self, serve: Serve, limit: ConnectionLimit, serving: trio.Nursery) -> None:
        """`serve` a connection in a task of `serving`."""
        self._serve = serve
        self._limit = limit
        self._serving = serving
        self._lingering = trio.CapacityLimiter(MAX_LINGERING)
        self._silent_until = 0.0
        self._unsaid = 0  # refusals since the last line of the log

    async def accept_from(self, listener: trio.SocketListener) -> None:
        """Until this is cancelled; the listener is closed then."""
        reserve = Reserve()
        plain = socket.socket(fileno=os.dup(listener.socket.fileno()))
        try:
            async with listener:
                while True:
                    await self._accept(listener, plain, reserve)
        finally:
            plain.close()
            reserve.close()

    async def _accept(
        self, listener: trio.SocketListener, plain: socket.socket, reserve: Reserve
    ) -> None:
        """Admit one client.  `plain` is the listener's socket past Trio, for several in a turn."""
        await trio.lowlevel.wait_readable(plain)
        try:
            accepted = next_present(plain)
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            self._note(Full.DESCRIPTORS)
            with reserve.lent():
                await refuse_next(listener)
        else:
            if accepted is not None:
                self._admit(trio.SocketStream(trio.socket.from_stdlib_socket(accepted)))

    def _admit(self, stream: trio.SocketStream) -> None:
        address = address_of(stream)
        full = self._limit.enter(address)
        if full is None:
            self._serving.start_soon(self._serve_counted, stream, address)
        else:
            self._note(full)
            self._serving.start_soon(self._refuse, stream, full)

    async def _serve_counted(self, stream: trio.SocketStream, address: str) -> None:
        try:
            await self._serve(stream)
        finally:
            self._limit.leave(address)

    async def _refuse(self, stream: trio.SocketStream, full: Full) -> None:
        try:
            self._lingering.acquire_nowait()
        except trio.WouldBlock:
            await refuse(stream, full, linger=BRIEF)
        else:
            try:
                await refuse(stream, full, linger=LINGER)
            finally:
                self._lingering.release()

    def _note(self, full: Full) -> None:
        self._limit.refused[full] += 1
        self._unsaid += 1
        if trio.current_time() >= self._silent_until:
            log.warning("connections refused", reason=full, refused=self._unsaid)
            self._silent_until = trio.current_time() + SILENCE
            self._unsaid = 0


def next_present(listener: socket.socket) -> socket.socket | None:
    """The next client that has not left yet; None where none waits, or BURST have left.

    Clients that come and go faster than the server serves would otherwise fill the queue: everybody
    behind would wait for seconds.

    Raises:
        OSError: where there is no descriptor left.
    """
    for _ in range(BURST):
        try:
            accepted, _ = listener.accept()
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in FAILED:
                continue
            raise
        if not has_left(accepted.recv):
            return accepted
        accepted.close()
    return None


def address_of(stream: trio.SocketStream) -> str:
    """Its client's; none where that has left already."""
    try:
        return str(stream.socket.getpeername()[0])
    except (OSError, IndexError):
        return ""


async def refuse_next(listener: trio.SocketListener) -> None:
    """With the one descriptor that there is."""
    with trio.move_on_after(PAUSE):
        try:
            stream = await listener.accept()
        except OSError:  # somebody else had it
            await trio.sleep(PAUSE)
        else:
            await refuse(stream, Full.DESCRIPTORS, linger=BRIEF)


async def refuse(stream: trio.SocketStream, full: Full, *, linger: float) -> None:
    """Say why it is refused, and close.  `linger`: seconds that its client has to send."""
    with suppress(trio.BrokenResourceError):
        await stream.send_all(refusal(full))
        await stream.send_eof()
        with trio.move_on_after(linger):
            while await stream.receive_some():
                pass
    await trio.aclose_forcefully(stream)


def refusal(full: Full) -> bytes:
    """An answer to whatever will be asked."""
    message = f"{WORDS[full]}; try again in {RETRY_AFTER} seconds."
    body = json.encode({"error": "Too many connections", "message": message})
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
        f"Retry-After: {RETRY_AFTER}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
