"""The writes of one job whose outcome is unknown: the job stays until the outcomes are known."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio


class OpenWrites:
    """Counted by the job's recorder; a write may have others inside."""

    def __init__(self) -> None:
        self._count = 0
        self._closed = trio.Event()
        self._wanted = trio.Event()  # set once somebody waits who did not at the last attempt

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be stored any more."""
        return self._count == 0

    async def idle(self) -> None:
        """Return once no write is open; a write that pauses is tried once more at once."""
        while not self.is_idle:
            self._wanted.set()
            await self._closed.wait()

    async def pause(self, seconds: float) -> None:
        """Wait between two attempts at a write; less long where somebody began to wait since."""
        with trio.move_on_after(seconds):
            await self._wanted.wait()
        self._wanted = trio.Event()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A write is open inside the block."""
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
            closed, self._closed = self._closed, trio.Event()
            closed.set()
