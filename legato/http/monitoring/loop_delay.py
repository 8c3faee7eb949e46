"""Lateness of the event loop: the wait behind a task that computes too long."""

from typing import Final

import trio

from legato.histogram import Histogram

INTERVAL: Final = 0.25
"""Seconds from one look at the clock to the next: a look costs 25 µs."""

DELAYS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class LoopDelay:
    """Counts by how many seconds the loop is late, with bounds as in DELAYS."""

    def __init__(self) -> None:
        self.delays = Histogram(DELAYS)

    async def run(self) -> None:
        """Look at the clock for ever."""
        while True:
            due = trio.current_time() + INTERVAL
            await trio.sleep_until(due)
            self.delays.add(trio.current_time() - due)
