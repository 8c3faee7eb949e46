"""Many connections that follow streams, read by a single thread without waiting for any."""

import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

from legato.bench import BenchError
from legato.bench.counting import CHUNK_END, ENDING, EVENT, Lags, Stamps, Tally, first_stamp

READ: Final = 256 * 1024  # bytes at a time: what a lagging reader gets comes in few reads

_AT_ONCE: Final = 100  # connections that wait for answers together: no backlog overflows
_PORTS: Final = 20_000  # connections for which an address of ours has ports

_HEAD: Final = b"GET %b HTTP/1.1\r\nHost: legato\r\nAuthorization: Bearer %b\r\n\r\n"


class Reader:
    """A connection's stream, counted from the stream's beginning."""

    __slots__ = (
        "_endings",
        "_events",
        "_is_split",
        "_pattern",
        "_stamps",
        "ended",
        "events",
        "unstamped",
    )

    def __init__(self, pattern: bytes) -> None:
        self.events = 0
        # events of a read that ended within an event: their lag is not known yet
        self.unstamped = 0
        self.ended = 0  # monotonic ns at which the ending was here; 0 before
        self._pattern = pattern
        self._is_split = False
        self._events = Tally(pattern)
        self._endings = Tally(ENDING)
        self._stamps = Stamps()

    def take(self, data: bytes, now: int, lags: Lags) -> None:
        """Count the events of a read, all as late as the oldest event, which never flatters."""
        was_split, self._is_split = self._is_split, not data.endswith(CHUNK_END)
        if was_split or self._is_split:
            events, stamp = self._events.take(data), self._stamps.first(data)
        else:  # nearly always, and half the work: nothing is split between two reads
            events, stamp = data.count(self._pattern), first_stamp(data)
        self.events += events
        self.unstamped += events
        if stamp is not None:
            lags.add(now - stamp, self.unstamped)
            self.unstamped = 0

    def look_for_ending(self, data: bytes, now: int) -> None:
        if not self.ended and self._endings.take(data):
            self.ended = now


class Readers:
    """All readers of a load.  `lags` is cleared at the beginning of a window."""

    def __init__(
        self, port: int, token: str, *, pattern: bytes = EVENT, endings: bool = False
    ) -> None:
        """`endings`: whether to look for each stream's ending, which costs a little."""
        self.lags = Lags()
        self.all: list[Reader] = []
        self.lost = 0  # connections that ended
        self._port = port
        self._token = token.encode()
        self._pattern = pattern
        self._endings = endings
        self._receive = receiving()
        self._poll = select.epoll()
        self._open: dict[int, tuple[socket.socket, Reader]] = {}

    def __enter__(self) -> "Readers":
        return self

    def __exit__(self, *_: object) -> None:
        for plain, _reader in self._open.values():
            plain.close()
        self._poll.close()

    @property
    def events(self) -> int:
        return sum(reader.events for reader in self.all)

    def follow(self, targets: Sequence[str], until: float) -> None:
        """Connect a reader to each target; on return every reader has an answer.

        Raises:
            BenchError: if an answer is missing at `until` (monotonic seconds).
        """
        for start in range(0, len(targets), _AT_ONCE):
            some = targets[start : start + _AT_ONCE]
            connected = [self.connect() for _ in some]
            for descriptor, target in zip(connected, some, strict=True):
                self.ask(descriptor, target)
            self.wait_for_events(1, until, self.all[-len(some) :])

    def connect(self) -> int:
        """Open a connection without a request; returns the descriptor."""
        source = f"127.0.0.{1 + len(self._open) // _PORTS}"
        plain = socket.create_connection(("127.0.0.1", self._port), source_address=(source, 0))
        reader = Reader(self._pattern)
        self.all.append(reader)
        self._open[plain.fileno()] = (plain, reader)
        return plain.fileno()

    def ask(self, descriptor: int, target: str) -> Reader:
        """Have a connection follow a stream."""
        plain, reader = self._open[descriptor]
        plain.sendall(_HEAD % (target.encode(), self._token))
        plain.setblocking(False)
        self._poll.register(descriptor, select.EPOLLIN)
        return reader

    def wait_for_events(
        self, events: int, until: float, readers: Sequence[Reader] | None = None
    ) -> None:
        """Read until each reader has had `events` events."""
        waiting = list(self.all if readers is None else readers)
        while waiting := [reader for reader in waiting if reader.events < events]:
            self.check(until, f"{len(waiting)} readers had no {events} events in time")
            self.read(0.01)

    def check(self, until: float, reason: str) -> None:
        """Raise BenchError with `reason` after `until`, or if a connection ended."""
        if self.lost:
            raise BenchError(f"{self.lost} of {len(self.all)} connections ended")
        if time.monotonic() > until:
            raise BenchError(reason)

    def read_until(self, until: float) -> None:
        """Read all that comes until `until` (monotonic seconds)."""
        while (left := until - time.monotonic()) > 0:
            self.read(left)

    def read(self, patience: float) -> None:
        """Read once from each ready connection, waiting at most `patience` seconds for the
        first."""
        for descriptor, _ in self._poll.poll(patience):
            plain, reader = self._open[descriptor]
            try:
                data = self._receive(plain)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self._lose(descriptor)
                continue
            now = time.monotonic_ns()
            reader.take(data, now, self.lags)
            if self._endings:
                reader.look_for_ending(data, now)

    def _lose(self, descriptor: int) -> None:
        self.lost += 1
        self._poll.unregister(descriptor)
        self._open.pop(descriptor)[0].close()


def receiving() -> Callable[[socket.socket], bytes]:
    """A function that reads a socket by way of a shared buffer.

    `recv` would make a new buffer for every read, and a buffer of this size costs more than the
    read.
    """
    buffer = memoryview(bytearray(READ))

    def receive(plain: socket.socket) -> bytes:
        return bytes(buffer[: plain.recv_into(buffer)])

    return receive
