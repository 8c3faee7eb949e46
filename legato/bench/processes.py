"""The processes of a measurement: begun, looked at from outside, and always ended."""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final, TypeVar

import msgspec

import legato
from legato.bench import BenchError

T = TypeVar("T")

_TICKS: Final = os.sysconf("SC_CLK_TCK")  # a second


def cpu_seconds(pid: int) -> float:
    """The processor time (s) of a process and its threads."""
    # The name of the command, in brackets, may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> float:
    """KiB of a process's memory."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return float(found[1]) if found else 0.0


def descriptors(pid: int) -> int:
    """The number of a process's open descriptors."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def sockets(pid: int) -> int:
    """The number of a process's open sockets."""
    folder, found = Path(f"/proc/{pid}/fd"), 0
    for each in folder.iterdir():
        with suppress(OSError):  # closed since
            found += os.readlink(each).startswith("socket:")
    return found


def most_files() -> int:
    """Raise the number of files that a process may open to the machine's limit; returns the
    limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextmanager
def nothing_left() -> Iterator[None]:
    """Have SIGTERM leave the block by an exception; at the end kill all processes begun in the
    block."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    former, before = signal.signal(signal.SIGTERM, leave), _children()
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
        for child in _children() - before:  # a signal can come while a process is being begun
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _children() -> set[int]:
    path = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return {*map(int, path.read_text("utf-8").split())} if path.exists() else set()


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process: only PATH, HOME, PYTHONPATH and `variables`."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    root = str(Path(legato.__path__[0]).parent)
    return {**inherited, "PYTHONPATH": root, **variables}


@contextmanager
def running(
    arguments: Sequence[str],
    *,
    variables: Mapping[str, str] | None = None,
    folder: str | None = None,
    errors: IO[bytes] | None = None,
    program: str = sys.executable,
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process, killed at the end of the block.  Standard error is ours, or `errors`."""
    with subprocess.Popen(
        (program, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        cwd=folder,
        env=environment(variables or {}),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[bytes], task: Any) -> None:
    """Hand a process the task, a line of JSON."""
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(task) + b"\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[bytes], kind: type[T]) -> T:
    """The next line of JSON from a process.

    Raises:
        BenchError: if the process ended instead.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise BenchError("a process of the measurement ended before it had answered")
    return msgspec.json.decode(line, type=kind)
