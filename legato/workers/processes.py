"""The workers, each owned by a task of the parent, which starts a dead worker again."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

import structlog
import trio
from msgspec.structs import replace

from legato.config import ConfigError
from legato.http.server.signals import Shutdown
from legato.restarts import PAUSES, Restarts
from legato.workers import WorkersError
from legato.workers.protocol import END, HURRY, Refused, Serving, Task, line_of, lines, report_of

# -P: nothing in the working directory is imported.
COMMAND: Final = (sys.executable, "-P", "-m", "legato.workers.worker")

log = structlog.get_logger()


class Death(NamedTuple):
    status: int
    lived: float  # seconds
    refused: Refused | None


class Workers:
    """Starts and watches the workers.  A refusal before all serve ends the parent; later it is a
    death."""

    def __init__(
        self,
        task: Task,
        shutdown: Shutdown,
        *,
        patience: float,
        command: Sequence[str] = COMMAND,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """`patience`: seconds that a worker has to end before the parent kills the process."""
        self._task = task
        self._shutdown = shutdown
        self._patience = patience
        self._command = command
        self._pauses = pauses
        self._starting: set[int] = set()
        self._failure: ConfigError | WorkersError | None = None

    async def run(self, count: int, on_ready: Callable[[], None]) -> None:
        """Return when shutdown was asked for and all have ended; call `on_ready` once all serve.

        Raises:
            ConfigError, WorkersError: if the workers cannot be started, or do not stay alive.
        """
        self._starting = {*range(1, count + 1)}
        async with trio.open_nursery() as nursery:
            for number in range(1, count + 1):
                nursery.start_soon(self._keep, number, on_ready)
        if self._failure is not None:
            raise self._failure

    async def _keep(self, number: int, on_ready: Callable[[], None]) -> None:
        restarts = Restarts(self._pauses)
        while not self._shutdown.asked.is_set():
            death = await self._live(number, on_ready)
            if self._shutdown.asked.is_set():
                if death.status and self._failure is None:
                    log.warning("a worker did not end by itself", worker=number, **_said(death))
            elif death.refused is not None and self._starting:
                self._give_up(_refusal(death.refused))
            elif (pause := restarts.pause(death.lived)) is None:
                self._give_up(_too_often(number, restarts.quick, death))
            else:
                log.error("a worker died", worker=number, seconds_to_restart=pause, **_said(death))
                with trio.move_on_after(pause):
                    await self._shutdown.asked.wait()

    def _give_up(self, failure: ConfigError | WorkersError) -> None:
        """Have the other workers shut down in order: no running generation is lost."""
        self._failure = self._failure or failure
        self._shutdown.asked.set()

    async def _live(self, number: int, on_ready: Callable[[], None]) -> Death:
        """A worker process, from start to end."""
        refused: Refused | None = None
        begun = trio.current_time()
        async with self._process(number) as process, trio.open_nursery() as nursery:
            nursery.start_soon(self._end, process)
            log.info("a worker starts", worker=number, pid=process.pid)
            assert process.stdout is not None
            async for line in lines(process.stdout):
                match report_of(line):
                    case Serving():
                        self._served(number, on_ready)
                    case Refused() as report:
                        refused = report
            status = await process.wait()
            nursery.cancel_scope.cancel()
        return Death(status, trio.current_time() - begun, refused)

    def _served(self, number: int, on_ready: Callable[[], None]) -> None:
        if self._starting:
            self._starting.discard(number)
            if not self._starting:
                on_ready()

    async def _end(self, process: trio.Process) -> None:
        await self._shutdown.asked.wait()
        with trio.move_on_after(self._patience):
            await _tell(process, END + b"\n")
            await self._shutdown.hurried.wait()
            await _tell(process, HURRY + b"\n")
            await trio.sleep_forever()
        log.error("a worker does not end: it is killed", pid=process.pid)
        process.kill()

    @asynccontextmanager
    async def _process(self, number: int) -> AsyncIterator[trio.Process]:
        # A session of its own: signals from a terminal are for the parent alone.
        process = await trio.lowlevel.open_process(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=self._task.sockets,
            start_new_session=True,
        )
        try:
            await _tell(process, line_of(own_task(self._task, number)))
            yield process
        finally:
            process.kill()
            # after the kill the system ends the process at once
            with trio.CancelScope(shield=True):
                await process.wait()
                for stream in (process.stdin, process.stdout):
                    assert stream is not None
                    await stream.aclose()


def own_task(task: Task, number: int) -> Task:
    """The task of worker `number`, counted from 1: each worker has a metrics port of its own."""
    first = task.settings.metrics_port
    if not first:  # no port, or any free port
        return task
    return replace(task, settings=replace(task.settings, metrics_port=first + number - 1))


async def _tell(process: trio.Process, line: bytes) -> None:
    assert process.stdin is not None
    with suppress(trio.BrokenResourceError):  # the worker died already
        await process.stdin.send_all(line)


def _refusal(refused: Refused) -> ConfigError | WorkersError:
    kind = ConfigError if refused.configured else WorkersError
    return kind("\nlegato: ".join(refused.reasons))


def _too_often(number: int, deaths: int, death: Death) -> WorkersError:
    why = "; ".join(death.refused.reasons) if death.refused else "the log says why"
    return WorkersError(
        f"worker {number} died {deaths} times in a row soon after its start, "
        f"at last with status {death.status}: {why}"
    )


def _said(death: Death) -> dict[str, object]:
    reasons = {"reasons": death.refused.reasons} if death.refused else {}
    return {"status": death.status, **reasons}
