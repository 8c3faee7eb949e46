"""Keys that a person presses in the terminal of a command, read one by one."""

import os
import signal
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

import trio

AGAIN: Final = 1.0
"""Seconds until a command in the background looks whether the terminal is its own again."""


def has_keys(stream: TextIO | None) -> bool:
    """Whether a person may press keys for this command there, and not for the command in front."""
    if stream is None or stream.closed or not stream.isatty():
        return False
    return is_in_front(stream.fileno())


async def read_keys(terminal: TextIO, pressed: Callable[[str], None]) -> None:
    """Call `pressed` with each key, until cancelled or until the terminal is gone.

    Ctrl-C stays a signal.  The terminal's own mode is back at the end.  While the command is in
    the background, nothing is read: the keys are for the command in front.
    """
    descriptor = terminal.fileno()
    with _key_by_key(descriptor), suppress(OSError):  # of a terminal that is gone
        while found := await _some_keys(descriptor):
            for key in found:
                pressed(key)


async def _some_keys(descriptor: int) -> str:
    """The keys since the last read; empty at the terminal's end."""
    while True:
        await trio.lowlevel.wait_readable(descriptor)
        if is_in_front(descriptor):
            return os.read(descriptor, 64).decode(errors="replace")
        await trio.sleep(AGAIN)


def is_in_front(descriptor: int) -> bool:
    """Whether the terminal gives its keys to this process; to read elsewhere would stop it."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


@contextmanager
def _key_by_key(descriptor: int) -> Iterator[None]:
    before = termios.tcgetattr(descriptor)
    # Otherwise the system would stop a command that sets the mode from the background.
    former = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    tty.setcbreak(descriptor, termios.TCSANOW)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
        signal.signal(signal.SIGTTOU, former)
