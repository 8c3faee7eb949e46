"""The least that a server in Python can do: the same bytes, at the same pace, to the same readers.

The floor has no users, logs, cursors or endings, and drops bytes that a reader does not take at
once.  As the provider of a job the floor speaks Chat Completions; only the bytes differ.
"""

import re
import select
import socket
import time
from contextlib import suppress
from heapq import heappop, heappush
from typing import Final

from legato.bench.tasks import ClientClosed, Floor, Listening, say, task

_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_BUFFER: Final = 1024 * 1024  # bytes that a reader may be behind before any are lost
_JOB: Final = re.compile(rb"job[ /](\d+)")


class FloorClient:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.asked = b""  # the bytes of the request, until the job's number is known
        self.job: int | None = None


class FloorServer:
    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._frame = floor.frame.encode()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._clients: dict[int, FloorClient] = {}
        self._readers: dict[int, list[socket.socket]] = {}  # of each job
        self._due: list[tuple[float, int, int]] = []  # a heap: when, which job, which event
        say(Listening(self._listener.getsockname()[1]))

    def run(self) -> None:
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for descriptor, _ in self._poll.poll(wait):
                if descriptor in self._clients:
                    self._receive(self._clients[descriptor])
                else:
                    self._accept()
            self._publish(time.monotonic())

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        self._clients[connection.fileno()] = FloorClient(connection)
        self._poll.register(connection, select.EPOLLIN)

    def _receive(self, client: FloorClient) -> None:
        came = b""
        with suppress(OSError):
            came = client.connection.recv(65536)
        if not came:
            self._forget(client)
        elif client.job is None:
            client.asked += came
            if (job := _JOB.search(client.asked)) and b"\r\n\r\n" in client.asked:
                client.job = int(job[1])
                self._answer(client.connection, client.job)

    def _answer(self, connection: socket.socket, job: int) -> None:
        connection.sendall(_HEAD)
        if self._floor.body:
            connection.sendall(chunk(b"x" * (self._floor.body - 2) + b"\n\n"))
            return
        connection.setblocking(False)
        if job not in self._readers:
            heappush(self._due, (time.monotonic() + self._floor.delay, job, 1))
        self._readers.setdefault(job, []).append(connection)

    def _forget(self, client: FloorClient) -> None:
        if self._floor.says_closed and client.job is not None:
            say(ClientClosed(client.job, time.monotonic_ns()))
        readers = self._readers.get(client.job or 0, [])
        if client.connection in readers:
            readers.remove(client.connection)
        del self._clients[client.connection.fileno()]
        client.connection.close()

    def _publish(self, now: float) -> None:
        """Say what is due, a write for each event and reader."""
        while self._due and self._due[0][0] <= now:
            due, job, event = heappop(self._due)
            readers = self._readers[job]
            if readers and event < self._floor.events:
                heappush(self._due, (due + 1 / self._floor.rate, job, event + 1))
            data = chunk(self._frame % time.monotonic_ns())
            for reader in readers:
                try:  # noqa: SIM105 - `try` is free here, `suppress` costs a tenth of a write
                    reader.send(data)
                except OSError:
                    pass


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


if __name__ == "__main__":
    FloorServer(task(Floor)).run()
