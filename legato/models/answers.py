"""An answer as a provider's connection brings it: reads, and the events that they complete."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Self

import httpx
import trio

from legato.models.completions import CompletionDecoder
from legato.models.contract import ModelEvent
from legato.models.sse import EventSplitter

GRACE: Final = 0.2  # seconds after `[DONE]` for the body's own end; then the connection is not kept


class Batches:
    """The events of an answer, one batch for each read that completed any."""

    def __init__(self, reads: AsyncIterator[bytes]) -> None:
        self._reads = reads
        self._body_ended = False
        self._ending_said = False
        self._splitter = EventSplitter()
        self._decoder = CompletionDecoder()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[ModelEvent]:
        if self._ending_said:
            await self._read_to_the_end()
            raise StopAsyncIteration
        while not (self._body_ended or self._decoder.done or self._decoder.failure):
            if events := self._decoder.decode(await self._read()):
                return events
        if self._decoder.failure:
            raise self._decoder.failure
        self._ending_said = True
        return self._decoder.ending()

    async def _read(self) -> list[str]:
        """The data of the events that the next read completes.

        A broken connection is just an end: whether anything is missing, the decoder knows.
        """
        try:
            return self._splitter.feed(await anext(self._reads))
        except (StopAsyncIteration, httpx.RequestError):
            self._body_ended = True
            return self._splitter.flush()

    async def _read_to_the_end(self) -> None:
        """A body read to its end leaves its connection to the next request."""
        with trio.move_on_after(GRACE):
            while not self._body_ended:
                await self._read()


@asynccontextmanager
async def open_reads(response: httpx.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """What each read of the connection brings.  Leaving closes the response.

    httpx reads through a chain of generators; closing the outermost would leave the others
    to the garbage collector, of which Trio warns.  Reading on from what is closed ends all.
    """
    reads = response.aiter_bytes()
    try:
        yield reads
    finally:
        # Shielded, or a cancelled reader would skip the second half; neither half waits for
        # the provider, save that TLS sends a goodbye.
        with trio.move_on_after(GRACE, shield=True):
            await response.aclose()
            with suppress(httpx.RequestError, httpx.StreamError):
                async for _ in reads:
                    pass
