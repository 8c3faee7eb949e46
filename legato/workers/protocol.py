"""What a worker is told by its standard input, and says by its standard output: lines.

First comes its task: neither on a command line nor in the environment, which others can read, for
it has secrets.  The input stays open for as long as the parent lives, and its end is an END.
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
    """`sockets`: the descriptors of those to listen on, which the worker has inherited."""

    settings: Settings
    sockets: Sequence[int]


class Serving(Struct, frozen=True, tag=True):
    """Connections are accepted."""


class Refused(Struct, frozen=True, tag=True):
    """The worker ends, and why; `configured`: because of a setting, so that it would again."""

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
    """Each without its end; what comes after the last is none."""
    rest = b""
    async for received in stream:
        *whole, rest = (rest + received).split(b"\n")
        for line in whole:
            yield line
