"""A server as a process of its own: its output, its signals, its end."""

import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from subprocess import PIPE
from typing import Any

import trio

from tests.support.http.fork_server import ForkedProcess, ForkServer
from tests.support.http.raw_client import SECRET, Server

DEADLINE = 60.0  # seconds for a whole test, unless it says otherwise
ROOT = Path(__file__).parents[3]
PLAIN = ROOT / "tests" / "support" / "plain"
LEGATO = (sys.executable, "-c", "import sys; from legato.cli import main; sys.exit(main())")
SERVE = ("serve", "--port", "0")
HYPERCORN = (sys.executable, "-m", "hypercorn")


class ServerProcess(Server):
    def __init__(self, process: trio.Process | ForkedProcess, port: int, errors: Path) -> None:
        super().__init__(port)
        self._process = process
        self._errors = errors

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def exit(self) -> int:
        return await self._process.wait()

    async def end(self, number: signal.Signals) -> None:
        """Send a signal, and see that the exit status is 0."""
        self.send(number)
        assert await self.exit() == 0, self.log()

    def seconds_to_end(self) -> float:
        """By its log: an interpreter's own end takes its time, too."""
        began, ended = (self._time_of(event) for event in ("shutting down", "stopped"))
        return (ended - began).total_seconds()

    def _time_of(self, event: str) -> datetime:
        [entry] = [entry for entry in self.entries() if entry["event"] == event]
        return datetime.fromisoformat(entry["timestamp"])

    def log(self) -> str:
        """What came on standard error."""
        return self._errors.read_text()

    def events(self) -> list[str]:
        """What the lines of the log are about; each of them is one of JSON."""
        return [entry["event"] for entry in self.entries()]

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log().splitlines()]


@asynccontextmanager
async def legato_serve(folder: Path, *flags: str, **variables: str) -> AsyncIterator[ServerProcess]:
    """`legato serve` in `folder`, with nothing but these variables and a secret.

    The process is forked; `started_serve` starts a new one.
    """
    async with long_serve(folder, variables, DEADLINE, *flags) as server:
        yield server


@asynccontextmanager
async def started_serve(
    folder: Path, *flags: str, **variables: str
) -> AsyncIterator[ServerProcess]:
    """The same in a process that begins from nothing, as it does for users."""
    errors = folder / "stderr"
    async with _process((*LEGATO, *SERVE, *flags), errors, variables) as process:
        yield await _serving(process, errors)


@asynccontextmanager
async def long_serve(
    folder: Path, variables: Mapping[str, str], deadline: float, *flags: str
) -> AsyncIterator[ServerProcess]:
    """As `legato_serve`, for so many seconds."""
    errors = folder / "stderr"
    async with _forked((*SERVE, *flags), errors, variables, deadline) as process:
        yield await _serving(process, errors)


async def _serving(process: trio.Process | ForkedProcess, errors: Path) -> ServerProcess:
    assert process.stdout is not None
    line = await said(process.stdout, rb"Legato is at http://127\.0\.0\.1:(\d+)\n", errors)
    return ServerProcess(process, int(line[1]), errors)


@asynccontextmanager
async def demo(folder: Path, **variables: str) -> AsyncIterator[tuple[ServerProcess, str]]:
    """`run.py` in `folder`, with the extras of `make demo`, and the path of the link it prints."""
    errors = folder / "stderr"
    command = (sys.executable, str(ROOT / "run.py"), "--no-browser", "--port", "0")
    async with _process(command, errors, {"EXTRAS": "mcp", **variables}) as process:
        assert process.stdout is not None
        link = rb"http://127\.0\.0\.1:(\d+)(/login\?token=\S+)\n"
        line = await said(process.stdout, link, errors)
        yield ServerProcess(process, int(line[1]), errors), line[2].decode()


async def said(stream: trio.abc.ReceiveStream, pattern: bytes, errors: Path) -> re.Match[bytes]:
    """The first place where a process's output matches."""
    output = b""
    while (found := re.search(pattern, output)) is None:
        received = await stream.receive_some()
        assert received, await trio.Path(errors).read_text()
        output += received
    return found


@asynccontextmanager
async def hypercorn(
    folder: Path, worker_class: str = "trio", workers: int = 1, **variables: str
) -> AsyncIterator[ServerProcess]:
    """Hypercorn's own command with the application in it.

    It stops on SIGTERM with one worker, and has its failure's status without any.
    """
    errors = folder / "stderr"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor = listener.fileno()
        options = ["--worker-class", worker_class, "--workers", str(workers)]
        options += ["--bind", f"fd://{descriptor}", "legato.http.app:create_app()"]
        command = (*HYPERCORN, *options)
        async with _process(command, errors, variables, pass_fds=[descriptor]) as process:
            yield ServerProcess(process, listener.getsockname()[1], errors)


@asynccontextmanager
async def _process(
    command: Sequence[str],
    errors: Path,
    variables: Mapping[str, str],
    *,
    pass_fds: Sequence[int] = (),
    deadline: float = DEADLINE,
) -> AsyncIterator[trio.Process]:
    with trio.fail_after(deadline), errors.open("wb") as stderr:
        process = await trio.lowlevel.open_process(
            command,
            stdout=PIPE,
            stderr=stderr,
            cwd=errors.parent,
            env=environment(variables),
            pass_fds=pass_fds,
        )
        try:
            yield process
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
            if process.stdout is not None:
                await trio.aclose_forcefully(process.stdout)


@asynccontextmanager
async def _forked(
    arguments: Sequence[str], errors: Path, variables: Mapping[str, str], deadline: float
) -> AsyncIterator[ForkedProcess]:
    whole = environment(variables)
    process = fork_server(whole.get("EXTRAS", "")).fork(arguments, errors, whole)
    await process.begin()
    with trio.fail_after(deadline):
        try:
            yield process
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
            await trio.aclose_forcefully(process.stdout)


@cache
def fork_server(extras: str) -> ForkServer:
    """The only one for these extras, which decide what can be imported."""
    return ForkServer(environment({"EXTRAS": extras}))


async def output_of(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Exit status and standard error of a `legato` that ends by itself."""
    ended = await trio.run_process(
        (*LEGATO, *arguments),
        capture_stderr=True,
        check=False,
        cwd=folder,
        env=environment(variables),
    )
    return ended.returncode, ended.stderr.decode()


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """For a process that runs Legato, without packages that only tests bring."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    modules = os.pathsep.join([str(ROOT), str(PLAIN)])
    return {**inherited, "PYTHONPATH": modules, "LEGATO_JWT_SECRET": SECRET, **variables}
