"""Many hostile clients, as a process apart: their cost must not look like lag."""

import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from legato.bench.client import request
from legato.bench.tasks import Harm, HostilesConnected, say, task

_SMALL: Final = 2048  # bytes of a receive buffer: the kernel takes little on a reader's behalf
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Hostile:
    def __init__(self, harm: Harm) -> None:
        self._harm = harm
        self._request = request("GET", harm.target, harm.token)
        self._idle = [*self._many(self._stalled), *self._many(self._half)]
        self._slow = self._many(self._stalled)
        self._flapping = deque(self._many(self._following))

    def _many(self, connect: Callable[[], socket.socket]) -> list[socket.socket]:
        return [connect() for _ in range(self._harm.each)]

    def _connected(self, *, small: bool = False) -> socket.socket:
        plain = socket.socket()
        if small:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
        plain.connect(("127.0.0.1", self._harm.port))
        return plain

    def _stalled(self) -> socket.socket:
        """Follows and never reads."""
        plain = self._connected(small=True)
        plain.sendall(self._request)
        plain.setblocking(False)
        return plain

    def _half(self) -> socket.socket:
        """Sends half a request's head, and stays."""
        plain = self._connected()
        plain.sendall(self._request[: len(self._request) // 2])
        return plain

    def _following(self) -> socket.socket:
        plain = self._connected()
        plain.sendall(self._request)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        return plain

    def run(self) -> None:
        """Read a byte a second on slow connections; reset the oldest flapping connection and open a
        new one, again and again."""
        say(HostilesConnected(len(self._idle) + len(self._slow) + len(self._flapping)))
        reads = time.monotonic()
        while True:
            time.sleep(1 / self._harm.resets)
            if time.monotonic() >= reads + 1:
                reads += 1
                self._read()
            self._flapping.popleft().close()
            with suppress(OSError):
                self._flapping.append(self._following())

    def _read(self) -> None:
        for plain in self._slow:
            with suppress(OSError):
                plain.recv(1)


if __name__ == "__main__":
    Hostile(task(Harm)).run()
