"""Accepts connections, and answers a refused connection at once."""

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
"""Errors of a single connection: the next connection may be good."""

BURST: Final = 64
"""Clients already gone that are dropped in one turn of the loop: 5 ms at most."""

PAUSE: Final = 0.1  # seconds until the next try, where the reserve was of no use

LINGER: Final = 1.0
"""Seconds in which a refused client may send the request.  If the connection closed sooner, the
client's system would throw the answer away."""

BRIEF: Final = 0.01  # seconds of the same, where other clients wait

MAX_LINGERING: Final = 64  # refused clients that may linger at the same time

RETRY_AFTER: Final = 5  # seconds

SILENCE: Final = 60.0  # seconds between two lines of the log, because refusals come by the hundred

WORDS: Final = {
    Full.PROCESS: "It has as many connections as it may have",
    Full.ADDRESS: "There are as many connections from your address as there may be",
    Full.DESCRIPTORS: "It has no descriptor left for a connection",
}

Serve = Callable[[socket.socket], Awaitable[None]]
"""Serves a client, and closes the client's socket."""

log = structlog.get_logger()


class Acceptor:
    """Serves a client, or answers why not: no client waits for another client's answer."""

    def __init__(self, serve: Serve, limit: ConnectionLimit, serving: trio.Nursery) -> None:
        """`serve` a connection in a task of `serving`."""
        self._serve = serve
        self._limit = limit
        self._serving = serving
        self._lingering = trio.CapacityLimiter(MAX_LINGERING)
        self._silent_until = 0.0
        self._unsaid = 0  # refusals since the last line of the log

    async def accept_from(self, listener: trio.SocketListener) -> None:
        """Accept until cancelled; then the listener is closed."""
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
                self._admit(accepted)

    def _admit(self, client: socket.socket) -> None:
        address = address_of(client)
        full = self._limit.enter(address)
        if full is None:
            self._serving.start_soon(self._serve_counted, client, address)
        else:
            self._note(full)
            stream = trio.SocketStream(trio.socket.from_stdlib_socket(client))
            self._serving.start_soon(self._refuse, stream, full)

    async def _serve_counted(self, client: socket.socket, address: str) -> None:
        try:
            await self._serve(client)
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
    """The next client that is still there; None where no client waits, or BURST have left.

    Otherwise clients that come and go faster than the server serves would fill the queue, and
    everybody behind would wait for seconds.

    Raises:
        OSError: where no descriptor is left.
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


def address_of(client: socket.socket) -> str:
    """The client's address; empty where the client has left already."""
    try:
        return str(client.getpeername()[0])
    except (OSError, IndexError):
        return ""


async def refuse_next(listener: trio.SocketListener) -> None:
    """Refuse the next client with the reserved descriptor."""
    with trio.move_on_after(PAUSE):
        try:
            stream = await listener.accept()
        except OSError:  # the descriptor was taken meanwhile
            await trio.sleep(PAUSE)
        else:
            await refuse(stream, Full.DESCRIPTORS, linger=BRIEF)


async def refuse(stream: trio.SocketStream, full: Full, *, linger: float) -> None:
    """Send the reason, and close.  `linger`: seconds in which the client may finish sending."""
    with suppress(trio.BrokenResourceError):
        await stream.send_all(refusal(full))
        await stream.send_eof()
        with trio.move_on_after(linger):
            while await stream.receive_some():
                pass
    await trio.aclose_forcefully(stream)


def refusal(full: Full) -> bytes:
    """The answer to any request of a refused client."""
    message = f"{WORDS[full]}; try again in {RETRY_AFTER} seconds."
    body = json.encode({"error": "Too many connections", "message": message})
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
        f"Retry-After: {RETRY_AFTER}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
