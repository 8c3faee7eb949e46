"""The descriptors of this process: the largest number allowed, and one in reserve."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

FOR_CONNECTIONS: Final = 3 / 4
"""The connections' part of all descriptors.  The rest is for files, storage and models: a process
that gives the last descriptor to a client can do nothing for any client."""


def raise_limit() -> None:
    """Raise the soft limit to the hard limit, which is far higher by default."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # on some systems the hard limit is more than allowed
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return int(soft * FOR_CONNECTIONS)


class Reserve:
    """One descriptor in reserve, for the moment at which no other is left."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._take()

    def _take(self) -> None:
        with suppress(OSError):
            self._descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Free the reserved descriptor until the block ends."""
        self.close()
        try:
            yield
        finally:
            self._take()

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
