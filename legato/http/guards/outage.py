"""What a guard needs is away: it lets through, and says so once."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from legato.storage.contracts.errors import StorageError

log = structlog.get_logger()


class Outage:
    """Of one thing, however often it is missed before it is back."""

    def __init__(self, event: str, errors: tuple[type[Exception], ...] = (StorageError,)) -> None:
        """`event` is what the log says; by these errors it is noticed."""
        self._event = event
        self._errors = errors
        self._is_known = False

    @contextmanager
    def tolerated(self) -> Iterator[None]:
        """Goes on behind the block where that fails so."""
        try:
            yield
        except self._errors as error:
            if not self._is_known:
                log.warning(self._event, error=str(error) or type(error).__name__)
            self._is_known = True
        else:
            self._is_known = False
