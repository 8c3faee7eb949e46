"""A supervisor as the server and its routes see it: notices, counts and the orderly end."""

from collections.abc import Collection
from typing import Protocol

import trio

from legato.actors.notices.posting import Notices
from legato.actors.statistics import Statistics
from legato.histogram import Histogram


class _JournalTimes(Protocol):
    """How long the journal's writes take."""

    @property
    def delay(self) -> float:
        """Seconds since the write under way began; 0 without a write."""
        ...

    @property
    def writes(self) -> Histogram:
        """The seconds of all writes."""
        ...


class _OrderlyEnd(Protocol):
    """The end of all jobs of a process; once begun, nothing else begins."""

    def refuse_starts(self) -> int:
        """Take no more starts; return the number of running jobs."""
        ...

    async def ended(self) -> None:
        """Return when all jobs running now have ended, but for those that only wait."""
        ...


class Supervision(Protocol):
    """The jobs of this process as a whole.  `Jobs` has the questions about single jobs."""

    @property
    def hurried(self) -> trio.Event:
        """Once set, nothing waits for storage."""
        ...

    @property
    def notices(self) -> Notices:
        """The place where notices are posted."""
        ...

    @property
    def drain(self) -> _OrderlyEnd: ...

    @property
    def journal(self) -> _JournalTimes | None:
        """None where no job outlives the process."""
        ...

    def statistics(self) -> Statistics: ...

    def job_ids(self) -> Collection[str]:
        """The ids of the jobs that are here, without the parked runs."""
        ...
