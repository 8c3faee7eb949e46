"""The writes of one job whose outcome is unknown: the job stays until the outcomes are known."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio


class OpenWrites:
    """Counted by the job's recorder; a write may have others inside."""

    def __init__(self) -> None:
        self._count = 0
        self._closed = trio.Event()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be stored any more."""
        return self._count == 0

    async def idle(self) -> None:
        """Return once no write is open."""
        while not self.is_idle:
            await self._closed.wait()

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
