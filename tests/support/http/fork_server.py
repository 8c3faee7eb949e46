"""`legato` in forked processes, which begin at once: the parent has imported Legato.

A new interpreter imports for most of a second, and some tests need thirty processes.  A forked
process is a real one in all else: pid, files, variables, signals, death by SIGKILL.  Tests of
starts use `started_serve`, a new interpreter.
"""

import atexit
import gc
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import msgspec
import trio

BEGIN = "import sys; from tests.support.http.fork_server import serve; sys.exit(serve())"
WANTED = (  # by servers, with a Redis and without; no forked process has to import these
    *("legato.http.server.server", "legato.storage.sql.records", "sqlalchemy.dialects.sqlite"),
    *("legato.actors.cluster.lifespan", "legato.storage.redis.replication"),
    "legato.storage.redis.shared_guards",
)
MOST = 65_536  # bytes of a request


class Order(msgspec.Struct):
    """What a process is to be; its stdout, its stderr and the pipe for its status come along."""

    arguments: list[str]
    folder: str
    variables: dict[str, str]


class ForkedProcess:
    """As much of trio.Process as the tests use."""

    def __init__(self, pid: int, stdout: int, status: int) -> None:
        self.pid = pid
        self.stdout = trio.lowlevel.FdStream(stdout)
        self._status = trio.lowlevel.FdStream(status)
        self._ended: int | None = None

    def send_signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        if self._ended is None:
            self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """The exit status, negative for the number of a signal."""
        if self._ended is None:
            self._ended = int(await self._status.receive_some())
            await self._status.aclose()
        return self._ended


class ForkServer:
    """The process that forks, for as long as the tests run."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._orders, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", BEGIN, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=environment,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._close)

    def fork(
        self, arguments: Sequence[str], errors: Path, variables: Mapping[str, str]
    ) -> ForkedProcess:
        """Run `legato` with these arguments, in the folder of `errors`."""
        order = Order([*arguments], str(errors.parent), {**variables})
        stdout, stdout_end = os.pipe()
        status, status_end = os.pipe()
        with errors.open("wb") as stderr:
            given = [stdout_end, stderr.fileno(), status_end]
            socket.send_fds(self._orders, [msgspec.json.encode(order)], given)
        os.close(stdout_end)
        os.close(status_end)
        return ForkedProcess(int(self._orders.recv(MOST)), stdout, status)

    def _close(self) -> None:
        self._orders.close()
        self._process.wait()


def serve() -> int:
    """Fork whenever told to; in a forked process, run the command and return its status."""
    from legato.cli import main
    from legato.http.server.late_imports import import_late

    import_late()
    for name in WANTED:
        import_module(name)
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        order = _forked(orders)
    return 0 if order is None else main(_become(order))


def _forked(orders: socket.socket) -> Order | None:
    """A forked process's order; None in the process that forks, once nobody can tell it more."""
    pipes: dict[int, int] = {}  # for the status of each process
    ended, wakeup = _woken_by_ends()
    while True:
        ready, _, _ = select.select([orders.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, MOST)
            _report(pipes)
        if orders.fileno() in ready:
            data, given, _, _ = socket.recv_fds(orders, MOST, 3)
            if not data:
                return None
            stdout, stderr, status = given
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.dup2(stdout, 1)
                os.dup2(stderr, 2)
                _close(ended, wakeup, *given, *pipes.values())
                return msgspec.json.decode(data, type=Order)
            pipes[pid] = status
            _close(stdout, stderr)
            orders.send(str(pid).encode())


def _woken_by_ends() -> tuple[int, int]:
    """Both ends of a pipe that can be read once a forked process has ended."""
    ended, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return ended, wakeup


def _report(pipes: dict[int, int]) -> None:
    """Write the status of each process that has ended to the pipe for it."""
    with suppress(ChildProcessError):  # none is left
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            pipe = pipes.pop(found[0])
            with suppress(BrokenPipeError):  # nobody wants to know
                os.write(pipe, str(os.waitstatus_to_exitcode(found[1])).encode())
            _close(pipe)


def _close(*descriptors: int) -> None:
    for each in descriptors:
        os.close(each)


def _become(order: Order) -> list[str]:
    """Be where a process that was started so would be; returns its arguments."""
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.variables)
    return order.arguments
