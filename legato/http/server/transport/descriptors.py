"""The descriptors of this process: as many as it may have, and one kept back."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

FOR_CONNECTIONS: Final = 3 / 4
"""Of all descriptors.  The rest is for files, storage and what models are asked through: a process
that gives its last one to a client can do nothing for the others."""


def raise_limit() -> None:
    """Have as many as this system lets the process have, which by default is far more."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems have more in their limit than they allow
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return int(soft * FOR_CONNECTIONS)


class Reserve:
    """One descriptor, for the moment at which there is no other."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._take()

    def _take(self) -> None:
        with suppress(OSError):
            self._descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """There is one more until the block ends, if it could be kept back."""
        self.close()
        try:
            yield
        finally:
            self._take()

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
