"""The engine's process: one engine, for as long as the parent wants it.

llama.cpp parses and computes in native code, and a fault there ends a process.  Here nothing but
the engine ends with it.  The task comes by standard input, because the command line is for
everybody to read; the end of that input, which comes even where the parent is killed, is the end.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from legato.models.local.engine import Engine, EngineUnavailable

_OUTPUT: Final = 1
_ERRORS: Final = 2


class EngineTask(Struct, frozen=True):
    """The file with the weights, and the tokens that one conversation can count on."""

    weights: str
    context_tokens: int


class EngineReady(Struct, frozen=True, tag=True):
    """The engine takes requests there, with that key."""

    base_url: str
    api_key: str


class NoEngine(Struct, frozen=True, tag=True):
    """There is no engine, and why; the reason is for people."""

    reason: str


Report = EngineReady | NoEngine


def main() -> int:
    line = sys.stdin.buffer.readline()
    if not line:
        return 0  # the parent died before the task was written
    # The parent hears such signals, too, and says when the answers that still run have ended.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    task, output = msgspec.json.decode(line, type=EngineTask), _own_output()
    try:
        engine = Engine(Path(task.weights), task.context_tokens)
    except EngineUnavailable as error:
        _say(output, NoEngine(str(error)))
        return 1
    _say(output, EngineReady(engine.endpoint.base_url, engine.endpoint.api_key or ""))
    sys.stdin.buffer.read()
    os._exit(0)  # there is nothing to keep, and an engine that is broken cannot be closed


def _own_output() -> int:
    """Standard output for reports alone: what the engine prints goes where errors go."""
    own = os.dup(_OUTPUT)
    os.dup2(_ERRORS, _OUTPUT)
    return own


def _say(output: int, report: Report) -> None:
    try:
        os.write(output, msgspec.json.encode(report) + b"\n")
    except BrokenPipeError:
        os._exit(0)  # the parent is gone


if __name__ == "__main__":
    sys.exit(main())
