"""The server's task that removes conversations nobody touched for long."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog
import trio

from legato.storage.clock import Clock, utc_now
from legato.storage.contracts.erasure import Erased, Erasure, total
from legato.storage.contracts.errors import StorageError

INTERVAL: Final = 3600.0
"""Seconds between two looks: a conversation kept for days may be kept for an hour longer."""

STEP: Final = 16
"""Conversations a step at most, and responses; of messages a few, which may be large."""

PAUSE: Final = 0.1
"""Seconds between two steps, in which other tasks write."""

log = structlog.get_logger()


@asynccontextmanager
async def open_retention(
    erasure: Erasure, days: int | None, *, clock: Clock = utc_now
) -> AsyncIterator[None]:
    """Until the block ends, remove conversations not touched for `days`; None removes nothing."""
    async with trio.open_nursery() as nursery:
        if days is not None:
            nursery.start_soon(_keep_removing, erasure, timedelta(days=days), clock)
        yield
        nursery.cancel_scope.cancel()


async def _keep_removing(erasure: Erasure, age: timedelta, clock: Clock) -> None:
    while True:
        try:
            removed = await _remove(erasure, age, clock)
        except StorageError as error:
            log.warning("old conversations not removed", error=str(error))
        else:
            if any(removed):
                log.info("old conversations removed", **removed._asdict())
        await trio.sleep(INTERVAL)


async def _remove(erasure: Erasure, age: timedelta, clock: Clock) -> Erased:
    steps = []
    while any(step := await erasure.expire(clock() - age, most=STEP)):
        steps.append(step)
        await trio.sleep(PAUSE)
    return total(steps)
