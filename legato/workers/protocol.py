"""The lines between parent and worker, over the worker's standard input and output.

The first line is the worker's task.  Its secrets are neither on a command line nor in the
environment, because other users can read both.  The input stays open as long as the parent lives;
the end of the input means END.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec
import trio
from msgspec import Struct

from legato.config import Settings

END: Final = b"end"
HURRY: Final = b"hurry"  # after END: without waiting for clients


class Task(Struct, frozen=True):
    """`sockets`: the descriptors of the listening sockets, inherited by the worker."""

    settings: Settings
    sockets: Sequence[int]


class Serving(Struct, frozen=True, tag=True):
    """Connections are accepted."""


class Refused(Struct, frozen=True, tag=True):
    """The worker ends, and the reasons; `configured`: a setting is wrong, so a restart would not
    help."""

    reasons: Sequence[str]
    configured: bool


Report = Serving | Refused


def line_of(message: Task | Report) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def task_of(line: bytes) -> Task:
    return msgspec.json.decode(line, type=Task)


def report_of(line: bytes) -> Report:
    report: Report = msgspec.json.decode(line, type=Report)
    return report


async def lines(stream: trio.abc.ReceiveStream) -> AsyncIterator[bytes]:
    """The lines without their line feeds; bytes after the last line feed are dropped."""
    rest = b""
    async for received in stream:
        *whole, rest = (rest + received).split(b"\n")
        for line in whole:
            yield line
