"""The jobs about to be here: in the directory already, and not in the registry yet."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio


class EnteringJobs:
    """Other replicas see this replica as the owner before a job is here; their questions wait."""

    def __init__(self) -> None:
        self._entered: dict[str, trio.Event] = {}

    @property
    def count(self) -> int:
        return len(self._entered)

    @contextmanager
    def enter(self, job_id: str) -> Iterator[None]:
        """Until the block ends, every question about the job waits."""
        entered = self._entered[job_id] = trio.Event()
        try:
            yield
        finally:
            del self._entered[job_id]
            entered.set()

    async def wait(self, job_id: str) -> None:
        """Return once the job is here, or was not entered; at once for any other job."""
        if (entered := self._entered.get(job_id)) is not None:
            await entered.wait()
