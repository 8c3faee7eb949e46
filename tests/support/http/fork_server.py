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
    *("legato.storage.redis.shared_guards", "legato.storage.sql.schema.migrate"),
)
EXTRA = {"mcp": "legato.agents.tools.mcp.toolbox"}  # wanted where an extra is installed
MOST = 65_536  # bytes of a request


class Order(msgspec.Struct):
    """What a process is to be; its stdout, its stderr and the pipe for its status come along."""

    arguments: list[str]
    folder: str
    variables: dict[str, str]


class ForkedProcess:
    """As much of trio.Process as the tests use; `pid` is there once `begin` has returned.

    `told` is the process's own pipe: first comes the pid, and at the end the status.
    """

    def __init__(self, stdout: int, told: int) -> None:
        self.pid = 0
        self.stdout = trio.lowlevel.FdStream(stdout)
        self._told = trio.lowlevel.FdStream(told)
        self._unread = b""
        self._ended: int | None = None

    async def begin(self) -> None:
        """Wait for the pid; shielded, because a process without a known pid could not be killed."""
        with trio.CancelScope(shield=True):
            self.pid = await self._number()

    def send_signal(self, number: signal.Signals) -> None:
        assert self.pid > 0, "0 would be everybody here"
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        if self._ended is None:
            self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """The exit status, negative for the number of a signal."""
        if self._ended is None:
            self._ended = await self._number()
            await self._told.aclose()
        return self._ended

    async def _number(self) -> int:
        while b"\n" not in self._unread:
            received = await self._told.receive_some()
            assert received, "the process that forks has ended"
            self._unread += received
        line, _, self._unread = self._unread.partition(b"\n")
        return int(line)


class ForkServer:
    """The process that forks, for as long as the tests run."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._orders, theirs = socket.socketpair(
            type=socket.SOCK_SEQPACKET
        )  # one order, one packet
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
        """Have `legato` run with these arguments, in the folder of `errors`."""
        order = Order([*arguments], str(errors.parent), {**variables})
        stdout, stdout_end = os.pipe()
        told, told_end = os.pipe()
        with errors.open("wb") as stderr:
            given = [stdout_end, stderr.fileno(), told_end]
            socket.send_fds(self._orders, [msgspec.json.encode(order)], given)
        _close(stdout_end, told_end)
        return ForkedProcess(stdout, told)

    def _close(self) -> None:
        self._orders.close()
        self._process.wait()


def serve() -> int:
    """Fork whenever told to; in a forked process, run the command and return its status."""
    from legato.cli import main
    from legato.http.server.late_imports import LATE

    extras = (EXTRA[name] for name in os.environ.get("EXTRAS", "").split())
    for name in (*LATE, *WANTED, *extras):
        import_module(name)
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        order = _forked(orders)
    return 0 if order is None else main(_become(order))


def _forked(orders: socket.socket) -> Order | None:
    """A forked process's order; None in the process that forks, once nobody can tell it more."""
    pipes: dict[int, int] = {}  # to tell of each process
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
            stdout, stderr, told = given
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.dup2(stdout, 1)
                os.dup2(stderr, 2)
                _close(ended, wakeup, *given, *pipes.values())
                return msgspec.json.decode(data, type=Order)
            pipes[pid] = told
            _close(stdout, stderr)
            _tell(told, pid)


def _woken_by_ends() -> tuple[int, int]:
    """Both ends of a pipe that can be read once a forked process has ended."""
    ended, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return ended, wakeup


def _report(pipes: dict[int, int]) -> None:
    """Tell the status of each process that has ended."""
    with suppress(ChildProcessError):  # none is left
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            pipe = pipes.pop(found[0])
            _tell(pipe, os.waitstatus_to_exitcode(found[1]))
            _close(pipe)


def _tell(pipe: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody wants to know
        os.write(pipe, b"%d\n" % number)


def _close(*descriptors: int) -> None:
    for each in descriptors:
        os.close(each)


def _become(order: Order) -> list[str]:
    """Be where a process that was started so would be; returns its arguments."""
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.variables)
    return order.arguments
