"""A worker thread's wait, noted for the task that ends the wait.

A thread waiting in a driver cannot be cancelled; but the connection can be broken.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Final, TypeVar

from legato.storage.contracts.errors import Unavailable

T = TypeVar("T")
Break = Callable[[], None]
"""Ends the wait of the thread that uses a connection, without blocking or failing."""


class ThreadOperation:
    """A piece of work in a worker thread, from start to end.

    After an interrupt, every later wait of the work is broken, too.
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
        """Note how the thread's wait can be ended from now on; None while nothing is waited for."""
        with self._lock:
            self._break = how
            if how is not None and self._interrupted:
                how()

    def interrupt(self) -> None:
        """End the work's wait, from another thread."""
        with self._lock:
            self._interrupted = True
            if self._break is not None:
                self._break()


_CURRENT: Final[ContextVar[ThreadOperation | None]] = ContextVar("operation", default=None)


def uses(how: Break | None) -> None:
    """Note `how` for this thread's operation, if there is one; see ThreadOperation.uses."""
    if (operation := _CURRENT.get()) is not None:
        operation.uses(how)


def require_wanted() -> None:
    """Raises Unavailable where this thread's operation was interrupted: nobody waits for it."""
    if (operation := _CURRENT.get()) is not None and operation.is_interrupted:
        raise Unavailable("The work was given up, because it took too long.")


@contextmanager
def using(how: Break) -> Iterator[None]:
    """Let an interrupt end the block's wait by `how`."""
    uses(how)
    try:
        yield
    finally:
        uses(None)
