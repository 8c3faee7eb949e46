"""Limits the pace of a client's costly input: input that costs the server more than the client."""

import trio


class Pace:
    """A token bucket: `burst` at once, then `rate` a second, by the clock of Trio."""

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._ahead = (burst - 1) * self._interval
        self._due = 0.0  # when all tokens so far would be due, at an even pace

    def take(self) -> float:
        """Take a token; returns the seconds by which the taker is too early, or 0."""
        now = trio.current_time()
        self._due = max(self._due, now) + self._interval
        return max(0.0, self._due - self._interval - self._ahead - now)

    async def wait(self) -> None:
        """Take a token and wait until due.  Other tasks always have a turn meanwhile."""
        await trio.sleep(self.take())
