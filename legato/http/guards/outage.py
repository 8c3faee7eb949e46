"""An outage of a service that a guard needs: the guard goes on, the log has one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from legato.storage.contracts.errors import StorageError

log = structlog.get_logger()


class Outage:
    """The state of one service: an outage is logged once, however many calls fail meanwhile."""

    def __init__(self, event: str, errors: tuple[type[Exception], ...] = (StorageError,)) -> None:
        """`event` is the line in the log; `errors` are signs of an outage."""
        self._event = event
        self._errors = errors
        self._is_known = False

    @contextmanager
    def tolerated(self) -> Iterator[None]:
        """Go on after the block where the block raises one of the errors."""
        try:
            yield
        except self._errors as error:
            if not self._is_known:
                log.warning(self._event, error=str(error) or type(error).__name__)
            self._is_known = True
        else:
            self._is_known = False
