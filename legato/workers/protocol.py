"""What a worker is told by its standard input, and says by its standard output: lines of JSON.

Neither is on a command line or in the environment, which others can read: a task has secrets.  The
input stays open for as long as the parent lives, so that its end tells a worker to end, too.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from legato.config import Settings


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
