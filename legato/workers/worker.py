"""A worker process: the server of `legato.http`, on sockets that the parent opened."""

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import trio

from legato.config import ConfigError
from legato.http.server.server import run_on
from legato.http.server.signals import CAUGHT, Shutdown, ignore_hangup
from legato.logs import configure_logs
from legato.models.contract import ModelError
from legato.storage.contracts.errors import StorageError
from legato.workers.protocol import (
    END,
    HURRY,
    Refused,
    Report,
    Serving,
    Task,
    line_of,
    lines,
    task_of,
)

_INPUT: Final = 0
_OUTPUT: Final = 1
_ERRORS: Final = 2

Tell = Callable[[Report], None]


def main() -> int:
    """Serve until SIGTERM or SIGINT, or until the parent is gone."""
    line = sys.stdin.buffer.readline()
    if not line:
        return 0  # the parent died before it had said anything
    status = 0
    tell = partial(_tell, _own_output())
    try:
        _serve(task_of(line), tell)
    # A server's errors come in groups, because its tasks end together.
    except* ConfigError as errors:
        tell(Refused([*_words(errors)], configured=True))
        status = 2
    except* (StorageError, ModelError) as errors:
        tell(Refused([*_words(errors)], configured=False))
        status = 1
    return status


def _own_output() -> int:
    """Standard output for reports alone: output of libraries goes to standard error."""
    own = os.dup(_OUTPUT)
    os.dup2(_ERRORS, _OUTPUT)
    return own


def _tell(output: int, report: Report) -> None:
    with suppress(BrokenPipeError):  # the parent is gone, which `_follow` hears
        os.write(output, line_of(report))


def _words(errors: BaseException) -> Iterator[str]:
    if isinstance(errors, BaseExceptionGroup):
        for error in errors.exceptions:
            yield from _words(error)
    else:
        yield str(errors)


def _serve(task: Task, tell: Tell) -> None:
    configure_logs(task.settings.log, sys.stderr)
    trio.run(_run, task, tell)


async def _run(task: Task, tell: Tell) -> None:
    listeners, shutdown = _listeners(task.sockets), Shutdown()
    with trio.open_signal_receiver(*CAUGHT, signal.SIGHUP) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_heed, signals, shutdown)
            nursery.start_soon(_follow_parent, shutdown)
            await run_on(listeners, task.settings, lambda *_: tell(Serving()), shutdown)
            nursery.cancel_scope.cancel()


def _listeners(descriptors: Sequence[int]) -> list[trio.SocketListener]:
    sockets = (socket.socket(fileno=descriptor) for descriptor in descriptors)
    return [trio.SocketListener(trio.socket.from_stdlib_socket(each)) for each in sockets]


async def _follow_parent(shutdown: Shutdown) -> None:
    async with trio.lowlevel.FdStream(os.dup(_INPUT)) as parent:
        async for line in lines(parent):
            if line == END:
                shutdown.asked.set()
            elif line == HURRY:
                shutdown.hurried.set()
    shutdown.asked.set()  # the parent is gone


async def _heed(signals: AsyncIterator[int], shutdown: Shutdown) -> None:
    """Take any number of signals as a single request to end: systemd signals the parent and the
    workers alike, and a second signal must not be taken for a hurry."""
    async for number in signals:
        if number == signal.SIGHUP:
            ignore_hangup()
        else:
            shutdown.asked.set()


if __name__ == "__main__":
    sys.exit(main())
