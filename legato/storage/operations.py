"""What a worker thread is waiting for, so that somebody else can end its wait.

A thread that waits in a driver cannot be cancelled; what it waits on can be broken.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Final, TypeVar

from legato.storage.contracts.errors import Unavailable

T = TypeVar("T")
Break = Callable[[], None]
"""Ends the wait of the thread that uses a connection.  It neither blocks nor fails."""


class Operation:
    """One piece of work in a worker thread, from its start to its end.

    Once it was interrupted, whatever it is about to wait for is broken, too.
    """

    def __init__(self) -> None:
        self._lock = Lock()  # between the worker thread and Trio's
        self._break: Break | None = None
        self._interrupted = False

    def run(self, work: Callable[[], T]) -> T:
        """Do the work, in the calling thread."""
        token = _CURRENT.set(self)
        try:
            return work()
        finally:
            self.uses(None)
            _CURRENT.reset(token)

    @property
    def is_interrupted(self) -> bool:
        return self._interrupted

    def uses(self, how: Break | None) -> None:
        """Note how the thread's wait can be ended from now on; None where it waits for nothing."""
        with self._lock:
            self._break = how
            if how is not None and self._interrupted:
                how()

    def interrupt(self) -> None:
        """End its wait, from another thread."""
        with self._lock:
            self._interrupted = True
            if self._break is not None:
                self._break()


_CURRENT: Final[ContextVar[Operation | None]] = ContextVar("operation", default=None)


def uses(how: Break | None) -> None:
    """Note it for the operation of this thread, if there is one; see Operation.uses."""
    if (operation := _CURRENT.get()) is not None:
        operation.uses(how)


def require_wanted() -> None:
    """Raises Unavailable where this thread's operation was interrupted: nobody waits for it."""
    if (operation := _CURRENT.get()) is not None and operation.is_interrupted:
        raise Unavailable("It was given up, because it took too long.")


@contextmanager
def using(how: Break) -> Iterator[None]:
    """Have the block's wait be one that can be ended so."""
    uses(how)
    try:
        yield
    finally:
        uses(None)
