"""A deadline whose clock can be stopped."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import trio


class TimeLimit:
    """How long a run may take, without the time in which it waits for answers."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pauses = 0
        self._left = 0.0  # seconds, while the run waits
        self.scope = trio.CancelScope()

    def begin(self) -> None:
        self.scope.deadline = trio.current_time() + self._seconds

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock: an ask may be open for a day."""
        if self._pauses == 0:
            self._left = self.scope.deadline - trio.current_time()
            self.scope.deadline = math.inf
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1
            if self._pauses == 0:
                self.scope.deadline = trio.current_time() + self._left
