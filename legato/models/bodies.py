"""The body of a response, read as the connection brings bytes."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import httpx
import trio

from legato.models.exchange import BODY

GOODBYE: Final = 0.2  # seconds: nothing waits for the provider but TLS, which sends a goodbye


class IncomingBody:
    """A body to read in pieces, one for each read of the connection.  The owner closes the body."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        body = response.extensions.get(BODY)
        self.read: Callable[[], Awaitable[bytes]] = body.read if body else self._generated
        self._reads = None if body else response.aiter_raw()
        """What came since the last read; b"" at the end.  Raises httpx.RequestError."""

    async def _generated(self) -> bytes:
        return await anext(self._reads, b"") if self._reads else b""

    async def aclose(self) -> None:
        """Close the connection, unless the body was read to the end.

        httpx reads through a chain of generators.  Closing the outermost would leave the inner
        generators to the garbage collector, of which Trio warns.  Reading on from the closed
        response ends all.
        """
        # Shielded, or a cancelled reader would skip the second half.
        with trio.move_on_after(GOODBYE, shield=True):
            await self._response.aclose()
            if self._reads is None:
                return
            with suppress(httpx.RequestError, httpx.StreamError):
                while await self.read():
                    pass
