"""Counts the calls, and the files of Legato, of one start, one token and one reader's return.

python -m benchmarks.calls

A server in this process, with Quart's client and a clock that a step moves.  A call counts when it
enters a function of Legato; a coroutine that goes on after it waited is entered again.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import legato
from tests.support.http.client import Client
from tests.support.http.runtime import open_client

ROOT: Final = str(Path(legato.__file__).parent)
TOKENS: Final = {"tokens": 100, "rate": 1.0}
MISSED: Final = 3  # tokens that a reader has missed when it comes back


class Trace:
    """What was entered while the trace was on: functions of Legato, and how often."""

    def __init__(self) -> None:
        self.calls = Counter[tuple[str, str]]()

    @contextmanager
    def on(self) -> Iterator[None]:
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(ROOT):
            self.calls[code.co_filename.removeprefix(ROOT), code.co_qualname] += 1

    @property
    def files(self) -> int:
        return len({file for file, _ in self.calls})


async def measured(clock: MockClock) -> Mapping[str, Trace]:
    start, token, back = Trace(), Trace(), Trace()
    async with open_client() as client:
        await client.finish()  # what is done but once, is done here
        with start.on():
            started = await client.start(model_parameters=TOKENS)
        stream_id = started["generationId"]
        cursor = await followed(client, clock, stream_id, token)
        clock.jump(MISSED)
        await wait_all_tasks_blocked()
        with back.on():
            async with client.follow(stream_id, Last_Event_ID=cursor) as stream:
                await stream.next()
    return {"a start": start, "a token": token, "a return": back}


async def followed(client: Client, clock: MockClock, stream_id: str, token: Trace) -> Any:
    """Trace one token from the model to the one reader; return the reader's cursor."""
    async with client.follow(stream_id) as stream:
        for _ in range(2):
            clock.jump(1)
            await wait_all_tasks_blocked()
        await stream.until("w2 ")
        with token.on():
            clock.jump(1)
            frames = await stream.until("w3 ")
        return frames[-1].cursor


def main() -> None:
    clock = MockClock()
    traces = trio.run(measured, clock, clock=clock)
    print(f"{'':<10} {'calls':>6} {'files':>6}")
    for name, trace in traces.items():
        print(f"{name:<10} {trace.calls.total():>6} {trace.files:>6}")
    if "-v" in sys.argv:
        for name, trace in traces.items():
            print(f"\n{name}")
            for (file, function), count in sorted(trace.calls.items()):
                print(f"  {count:>4}  {file}  {function}")


if __name__ == "__main__":
    main()
