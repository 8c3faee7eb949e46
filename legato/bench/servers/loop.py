"""Legato with a task in the event loop that notes how long the loop was held up."""

import os
import sys
from time import monotonic, process_time, thread_time

import trio

from legato.bench.tasks import HeldUp, say
from legato.config import load_settings
from legato.http.server.server import run
from legato.logs import configure_logs
from legato.secret import with_secret

STEP = 0.001
"""Seconds that the task sleeps; the loop was held up for any longer time."""


class Watch:
    """Notes delays, and prints the notes on standard output for each line that comes in."""

    def __init__(self) -> None:
        self._noted = HeldUp()

    async def run(self) -> None:
        while True:
            begun, others = monotonic(), _others()
            await trio.sleep(STEP)
            now = monotonic()
            self._noted.moments.append(now)
            self._noted.late.append(now - begun - STEP)
            self._noted.others.append(_others() - others)

    async def answer(self) -> None:
        while await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            say(self._noted)


def _others() -> float:
    """The processor time (s) of all other threads."""
    return process_time() - thread_time()


async def main() -> None:
    settings = with_secret(load_settings(os.environ, None))
    configure_logs(settings.log, sys.stderr)
    watch = Watch()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run)
        nursery.start_soon(watch.answer)
        await run(settings, lambda _, url: print(f"Legato is at {url}", flush=True))
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
