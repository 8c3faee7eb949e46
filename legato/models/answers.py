"""An answer from a provider's connection: bytes read, and events completed."""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self
from uuid import uuid4

import httpx
import structlog
import trio

from legato.models.asking import RetryingRequest
from legato.models.bodies import IncomingBody
from legato.models.contract import ModelError, ModelEvent
from legato.models.failures import may_pass
from legato.models.reader import AnswerReader

USAGE_GRACE: Final = 2.0  # seconds after the finish reason for the usage: OpenAI's takes 0.1
BODY_GRACE: Final = 0.2  # seconds after the end for the body's own; then the connection is not kept
SLICE: Final = 16 * 1024
"""Bytes that are read into events without a pause: some hundred events, in two milliseconds."""

log = structlog.get_logger()


class Batches:
    """The events of an answer, a batch for each read; empty where a read completed no event."""

    def __init__(self, asking: RetryingRequest, body: IncomingBody) -> None:
        self._asking = asking
        self._grace_ends = math.inf
        self._is_broken = False
        self._is_silent = False  # the provider said nothing more in time
        self._is_told = False
        self._failure: ModelError | None = None
        self._begin(body)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[ModelEvent]:
        if self._failure is not None:
            raise self._failure
        if self._is_told:
            await self._read_to_the_end()
            raise StopAsyncIteration
        events = self._read_on(await self._next_slice())
        if self._reader.failure is not None:
            return await self._fail(events, self._asking.redacted(self._reader.failure))
        return events

    async def aclose(self) -> None:
        if self._reader.unreadable:
            log.warning("provider's events skipped", count=self._reader.unreadable)
        if self._reader.logprobs_left_out:
            log.warning("provider's logprobs left out", count=self._reader.logprobs_left_out)
        await self._body.aclose()

    def _read_on(self, read: bytes) -> list[ModelEvent]:
        """The events completed by `read`; if `read` is empty, all events that are left."""
        reader = self._reader
        events = reader.feed(read) if read else []
        if not read or reader.is_done:
            events += reader.end(is_broken=self._is_broken)
            self._is_told = True
        elif reader.is_finishing and (events or self._grace_ends == math.inf):
            self._grace_ends = trio.current_time() + USAGE_GRACE
        return events

    async def _fail(self, events: list[ModelEvent], failure: ModelError) -> Sequence[ModelEvent]:
        """Ask again before the first word; after the first word, end with the failure."""
        if not self._reader.has_spoken:
            await self._body.aclose()
            await self._asking.pause(failure, is_passing=may_pass(failure.reason, failure.status))
            self._begin(await self._asking.response())
            return []
        if not events:
            raise failure
        self._failure = failure
        return events

    def _begin(self, body: IncomingBody) -> None:
        self._body = body
        self._reader = AnswerReader(uuid4().hex[:16])
        self._unread = b""
        self._grace_ends = math.inf
        self._is_broken = self._is_silent = self._is_told = False

    async def _next_slice(self) -> bytes:
        if self._unread:
            await trio.lowlevel.checkpoint()  # a read would be one
        else:
            self._unread = await self._read()
        read, self._unread = self._unread[:SLICE], self._unread[SLICE:]
        return read

    async def _read(self) -> bytes:
        """The bytes of a read; b"" at the end, after a break, or when the grace is over.

        A broken connection counts as an end: the reader knows whether anything is missing.
        """
        try:
            if self._grace_ends == math.inf:
                return await self._body.read()
            with trio.move_on_at(self._grace_ends):
                return await self._body.read()
            self._is_silent = True
        except httpx.RequestError:
            self._is_broken = True
        return b""

    async def _read_to_the_end(self) -> None:
        """Read on to the body's end, because only then can the next request use the connection."""
        self._grace_ends = trio.current_time() + BODY_GRACE
        while not self._is_silent and await self._read():
            pass


@asynccontextmanager
async def open_batches(asking: RetryingRequest) -> AsyncIterator[Batches]:
    """Ask, and read the answer.  Leaving closes the connection.

    Raises:
        ModelError: there is no answer.
    """
    batches = Batches(asking, await asking.response())
    try:
        yield batches
    finally:
        await batches.aclose()
