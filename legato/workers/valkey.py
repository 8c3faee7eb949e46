"""A Valkey server as a process, started again on the same port after a death."""

import os
import re
import secrets
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog
import trio

from legato.restarts import Restarts
from legato.workers import WorkersError
from legato.workers.protocol import lines
from legato.workers.replicas import until_it_answers

END_TIMEOUT: Final = 10.0
"""Seconds for Valkey to write buffered data before a kill, which loses a second of data."""

# The append-only file is the only persistence, without snapshots. Nothing is evicted, because every
# key is needed: a write to a full memory fails instead.
_CONFIGURATION: Final = """\
bind 127.0.0.1
port {port}
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
loglevel warning
"""

# The server's input is a pipe from us.  At the end of the pipe, which comes even if we are killed,
# the shell ends the server.  A line in the pipe means that the server is gone already: its process
# id may be taken by now, and nothing is killed.
_BOUND_TO_US: Final = """\
umask 077
exec 3<&0 </dev/null
(read -r _ <&3 || kill -TERM $$) >/dev/null 2>&1 &
exec 3<&-
exec "$0" valkey.conf
"""

log = structlog.get_logger()


class Valkey:
    def __init__(self, command: str, folder: Path, lock: int) -> None:
        """`lock`: a descriptor for the process to inherit."""
        self.answered = trio.Event()  # for the first time
        self._command = command
        self._folder = folder
        self._lock = lock
        self._port = _free_port()
        self._password = secrets.token_urlsafe(32)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def configure(self) -> None:
        """Write the configuration that Valkey reads at every start.  Blocks.

        Raises:
            WorkersError: if the file cannot be written.
        """
        text = _CONFIGURATION.format(port=self._port, password=self._password)
        path = self._folder / "valkey.conf"
        try:
            path.unlink(missing_ok=True)  # an old file may have other permissions
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
        except OSError as error:
            raise WorkersError(f"{path}: cannot be written: {error.strerror}") from None

    async def keep(self) -> None:
        """Have Valkey run until the task is cancelled.

        After its first answer Valkey is never given up: generations go on without Redis for a
        while.

        Raises:
            WorkersError: if Valkey ends before its first answer.
        """
        restarts = Restarts()
        while True:
            begun = trio.current_time()
            status = await self._live()
            if not self.answered.is_set():
                raise WorkersError(f"Valkey ended with status {status}; the log says why")
            pause = restarts.longest(trio.current_time() - begun)
            log.error("Valkey died", status=status, seconds_to_restart=pause)
            await trio.sleep(pause)

    async def _live(self) -> int:
        """Run a Valkey process from start to end; returns the exit status."""
        async with self._process() as process, trio.open_nursery() as nursery:
            nursery.start_soon(self._wait_for_answer)
            await _relay_log(process)
            status = await process.wait()
            nursery.cancel_scope.cancel()
        return status

    async def _wait_for_answer(self) -> None:
        await until_it_answers(self.url)
        log.info("Valkey answers", port=self._port, folder=str(self._folder))
        self.answered.set()

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[trio.Process]:
        process = await trio.lowlevel.open_process(
            ("/bin/sh", "-c", _BOUND_TO_US, self._command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            pass_fds=[self._lock],
            start_new_session=True,  # Ctrl-C is for us; Valkey ends after the workers
        )
        try:
            yield process
        finally:
            with trio.move_on_after(END_TIMEOUT, shield=True):
                await _end(process)
            process.kill()


async def _end(process: trio.Process) -> None:
    process.terminate()
    await process.wait()
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(trio.BrokenResourceError):
        await process.stdin.send_all(b"\n")
    await process.stdin.aclose()
    await process.stdout.aclose()


async def _relay_log(process: trio.Process) -> None:
    """Copy Valkey's log lines, which are all warnings, into our log."""
    assert process.stdout is not None
    async for line in lines(process.stdout):
        said = re.sub(r"^\d+:\S+ (.*? [.*#-] )?", "", line.decode(errors="replace"))
        log.warning("Valkey says", said=said)


def _free_port() -> int:
    """A port that is free now; on loopback few programs take a port in the milliseconds until the
    start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
