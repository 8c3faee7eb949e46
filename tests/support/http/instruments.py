"""Instruments that look at the loop while something is asked."""

import time
from collections.abc import Awaitable, Callable

import trio


class Longest(trio.abc.Instrument):
    """The longest step of a task, in seconds of this thread's own time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = time.thread_time()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.seconds = max(self.seconds, time.thread_time() - self._began)


async def longest_step(ask: Callable[[], Awaitable[object]], times: int = 3) -> float:
    """The best of several: what a machine does beside it says nothing of what was asked."""
    await ask()
    longest = []
    for _ in range(times):
        instrument = Longest()
        trio.lowlevel.add_instrument(instrument)
        await ask()
        trio.lowlevel.remove_instrument(instrument)
        longest.append(instrument.seconds)
    return min(longest)
