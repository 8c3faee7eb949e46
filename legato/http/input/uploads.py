"""A request's body: taken in after authentication, and dropped after the reply.

Before authentication the body stays with the client; a few pieces wait in the connection.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, cast

import trio
from quart import Request
from quart_trio.wrappers import TrioRequest
from quart_trio.wrappers.request import TrioBody
from werkzeug.exceptions import RequestEntityTooLarge

Take = Callable[["Upload"], Awaitable[None]]
"""Takes in the next piece of a body, or the body's end."""


class Upload(TrioBody):
    """With `take`, the code reading the body takes the body in; otherwise a task does."""

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        super().__init__(expected_content_length, max_content_length)
        self.wanted = trio.Event()
        self.take: Take | None = None
        self._expected = expected_content_length
        self._is_dropped = False

    def bound(self, most: int) -> None:
        """Take in no more bytes than `most`, where the whole server's bound is wider."""
        if self._max_content_length is None or self._max_content_length > most:
            self._max_content_length = most
            if (self._expected or 0) > most:
                self._must_raise = RequestEntityTooLarge()

    def __await__(self) -> Generator[Any, None, Any]:
        self.wanted.set()
        if self._must_raise is None:
            yield from self._take_in().__await__()
        return (yield from super().__await__())

    async def _take_in(self) -> None:
        while self.take is not None and not self._complete.is_set():
            await self.take(self)

    async def __anext__(self) -> bytes:
        self.wanted.set()
        while self.take is not None and not self._has_data.is_set() and self._must_raise is None:
            await self.take(self)
        return await super().__anext__()

    def drop(self) -> None:
        """Keep nothing of the body, neither pieces that came nor pieces still to come."""
        self._is_dropped = True
        self.clear()
        self.wanted.set()

    def append(self, data: bytes) -> None:
        if not self._is_dropped:
            super().append(data)


class UploadRequest(TrioRequest):
    body_class = Upload


def upload_of(request: Request) -> Upload:
    return cast("Upload", request.body)
