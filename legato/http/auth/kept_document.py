"""A document of an identity provider: fetched from a URL when needed, and kept."""

import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec
import structlog
import trio

from legato.http.auth.fetching import Unreachable, fetch

MAX_AGE: Final = 600.0  # s; a key withdrawn by the provider is refused within ten minutes
MIN_INTERVAL: Final = 10.0  # s between two fetches, however many unknown key ids come in

T = TypeVar("T")


class KeptDocument(Generic[T]):
    """A known document is answered from memory.

    At most one fetch runs at a time, and fetches are MIN_INTERVAL apart.  While the URL does not
    answer, the known document stays good.
    """

    def __init__(
        self,
        url: str,
        parse: Callable[[bytes], T],
        *,
        event: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`parse` raises msgspec.DecodeError for bytes of no use; `event` names a log line."""
        self._url = url
        self._parse = parse
        self._event = event
        self._clock = clock
        self._value: T | None = None
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = trio.Lock()
        self.failure: str | None = None
        """Why the last fetch brought nothing, for people; None where the fetch was good."""

    async def read(self, is_enough: Callable[[T], bool] = lambda _: True) -> T | None:
        """The document, fetched where it is old, or where `is_enough` is false of the known one.

        None where the URL has never answered with a document.
        """
        if not self._has(is_enough) or (self._is_old() and not self._fetching.locked()):
            # Whoever needs a newer document waits for the fetch under way, which may bring it.
            async with self._fetching:
                if self._is_old() or not self._has(is_enough):
                    await self._refresh()
        return self._value

    async def look(self) -> None:
        """Fetch the document for later readers; a cancelled look ends at once."""
        async with self._fetching:
            await self._refresh(shield=False)

    def _has(self, is_enough: Callable[[T], bool]) -> bool:
        return self._value is not None and is_enough(self._value)

    def _is_old(self) -> bool:
        return self._clock() - self._fetched_at >= MAX_AGE

    async def _refresh(self, *, shield: bool = True) -> None:
        if self._clock() - self._tried_at < MIN_INTERVAL:
            return
        self._tried_at = self._clock()
        # Shielded: all waiting requests share this fetch, and a client that leaves must not end it.
        # The fetch itself ends in FETCH_TIMEOUT.
        with trio.CancelScope(shield=shield):
            self.failure = await self._fetched()
        if self.failure is not None:
            structlog.get_logger().warning(self._event, url=self._url, error=self.failure)

    async def _fetched(self) -> str | None:
        """Fetch the document; the reason where that failed."""
        try:
            reply = await fetch("GET", self._url)
            if reply.status != 200:
                return f"{self._url} answered with status {reply.status}"
            self._value = self._parse(reply.content)
        except Unreachable as error:
            return str(error)
        except msgspec.DecodeError as error:
            return f"{self._url} answered with something else: {error}"
        self._fetched_at = self._clock()
        return None
