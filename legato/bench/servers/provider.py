"""A provider that is cheap: chunks of 300 bytes as OpenAI's, at a pace, to every connection.

All that one request needs is a write of prepared bytes at its moment.  A period is cut into slots
of a millisecond; a connection has one of them, and a slot's chunk is made once.
"""

import gc
import re
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from legato.bench.tasks import Listening, ProviderPace, say, task

CHUNK: Final = (
    b'data: {"id":"chatcmpl-CgH2rN8vYqT4xKs0LbWdPz","object":"chat.completion.chunk",'
    b'"created":1764374400,"model":"gpt-4.1-mini-2025-04-14","service_tier":"default",'
    b'"system_fingerprint":"fp_3502f4eb73","choices":[{"index":0,"delta":{"content":"ts=%d "},'
    b'"logprobs":null,"finish_reason":null}]}\n\n'
)
"""About 300 bytes, once the moment (monotonic ns) stands in it."""

_BUFFER: Final = 1024 * 1024  # bytes: a minute of a generation, before any is lost

SLOT: Final = 0.001  # seconds; epoll waits no more exactly

_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_JOB: Final = re.compile(rb"job[ /](\d+)")


class ChunkServer:
    def __init__(self, wanted: ProviderPace) -> None:
        self._delay = wanted.delay
        self._slots: list[dict[int, Callable[[bytes], int]]] = [
            {} for _ in range(max(1, round(1 / wanted.rate / SLOT)))
        ]
        self._step = 1 / wanted.rate / len(self._slots)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._asking: dict[int, bytes] = {}  # what came of a request so far
        self._open: dict[int, socket.socket] = {}
        self._silent: deque[tuple[float, int, int]] = deque()  # from when, who, in which slot
        say(Listening(self._listener.getsockname()[1]))

    def run(self) -> None:
        due, turn = time.monotonic(), 0
        while True:
            for descriptor, _ in self._poll.poll(max(0.0, due - time.monotonic())):
                if descriptor in self._open:
                    self._receive(descriptor)
                else:
                    self._accept()
            while due <= time.monotonic():
                self._begin(due)
                self._publish(self._slots[turn % len(self._slots)])
                due, turn = due + self._step, turn + 1

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        connection.setblocking(False)
        self._open[connection.fileno()] = connection
        self._asking[connection.fileno()] = b""
        self._poll.register(connection, select.EPOLLIN)

    def _receive(self, descriptor: int) -> None:
        came = b""
        with suppress(OSError):
            came = self._open[descriptor].recv(65536)
        if not came:
            self._forget(descriptor)
        elif descriptor in self._asking:
            self._asking[descriptor] += came
            asked = self._asking[descriptor]
            if (job := _JOB.search(asked)) and b"\r\n\r\n" in asked:
                del self._asking[descriptor]
                self._open[descriptor].send(_HEAD)
                slot = int(job[1]) % len(self._slots)
                self._silent.append((time.monotonic() + self._delay, descriptor, slot))

    def _forget(self, descriptor: int) -> None:
        self._asking.pop(descriptor, None)
        for slot in self._slots:
            slot.pop(descriptor, None)
        self._open.pop(descriptor).close()

    def _begin(self, now: float) -> None:
        """Speak to those whose silence is over."""
        while self._silent and self._silent[0][0] <= now:
            _, descriptor, slot = self._silent.popleft()
            if descriptor in self._open:
                self._slots[slot][descriptor] = self._open[descriptor].send

    def _publish(self, slot: dict[int, Callable[[bytes], int]]) -> None:
        """Bytes that a socket does not take are lost: then the provider is not the slow one."""
        if not slot:
            return
        chunk = CHUNK % time.monotonic_ns()
        data = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        for send in slot.values():
            try:  # noqa: SIM105 - it costs nothing here, `suppress` a tenth of a write
                send(data)
            except OSError:
                pass


if __name__ == "__main__":
    gc.disable()
    ChunkServer(task(ProviderPace)).run()
