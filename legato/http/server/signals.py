"""SIGINT and SIGTERM: the first signal asks for the end, each further signal skips a wait.

SIGHUP is ignored: closing a terminal does not end a server that was started there.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import structlog
import trio

CAUGHT: Final = (signal.SIGINT, signal.SIGTERM)

log = structlog.get_logger()


class Shutdown:
    """How urgently the process was asked to end."""

    def __init__(self) -> None:
        self.asked = trio.Event()  # once: gently
        self.hurried = trio.Event()  # twice: without waiting for clients
        self.scope = trio.CancelScope()  # three times: without waiting for anything

    def ask(self) -> None:
        if not self.asked.is_set():
            self.asked.set()
        elif not self.hurried.is_set():
            self.hurried.set()
        else:
            self.scope.cancel()


@contextmanager
def shutdown_by_signals() -> Iterator[Shutdown]:
    """A shutdown that signals ask for, in place of the former handlers, until the block ends."""
    shutdown = Shutdown()
    token = trio.lowlevel.current_trio_token()

    def on_signal(number: int, frame: FrameType | None) -> None:
        token.run_sync_soon(shutdown.ask)

    def on_hangup(number: int, frame: FrameType | None) -> None:
        token.run_sync_soon(ignore_hangup)

    former = {number: signal.signal(number, on_signal) for number in CAUGHT}
    former[signal.SIGHUP] = signal.signal(signal.SIGHUP, on_hangup)
    try:
        with shutdown.scope:
            yield shutdown
    finally:
        for number, restored in former.items():
            signal.signal(number, restored)


def ignore_hangup() -> None:
    log.info("SIGHUP ignored", hint="settings are read at start; SIGTERM ends")
