"""How often a client may do what costs more than it sends."""

import trio


class Pace:
    """A token bucket: `burst` at once, then `rate` a second, by the clock of Trio."""

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._ahead = (burst - 1) * self._interval
        self._due = 0.0  # when all that was taken would have been, at an even pace

    def take(self) -> float:
        """Take one; for how many seconds whoever took it is ahead of its time, or 0."""
        now = trio.current_time()
        self._due = max(self._due, now) + self._interval
        return max(0.0, self._due - self._interval - self._ahead - now)

    async def wait(self) -> None:
        """Take one in its time.  Others have their turn meanwhile, however early this comes."""
        await trio.sleep(self.take())
