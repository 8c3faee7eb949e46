"""The end of a supervisor in time, whatever hangs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import trio

from legato.config import Limits

LAST_WRITE = 1.0
"""Seconds for the journal at shutdown; what it misses then, the next process finds out."""


async def drained(
    hurried: trio.Event, limits: Limits, drain: Callable[[], Awaitable[None]]
) -> None:
    """Return when all running jobs are stored, or the time is over, or `hurried` is set."""
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + limits.store_timeout + LAST_WRITE
        nursery.start_soon(_cancel_when, hurried, nursery.cancel_scope)
        await drain()
        nursery.cancel_scope.cancel()


async def _cancel_when(happened: trio.Event, scope: trio.CancelScope) -> None:
    await happened.wait()
    scope.cancel()


@asynccontextmanager
async def abandoning(
    hurried: trio.Event, abandons: Sequence[Callable[[], None]]
) -> AsyncIterator[trio.Event]:
    """End the body in time once the yielded event is set, and at once when `hurried` is set.

    A thread that hangs for longer is left alone: its work is lost, as if the process was killed.
    """
    leaving = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_hurry_when, leaving, hurried)
        nursery.start_soon(_abandon_when, hurried, abandons)
        yield leaving
        nursery.cancel_scope.cancel()


async def _hurry_when(leaving: trio.Event, hurried: trio.Event) -> None:
    await leaving.wait()
    await trio.sleep(LAST_WRITE)
    hurried.set()


async def _abandon_when(hurried: trio.Event, abandons: Sequence[Callable[[], None]]) -> None:
    await hurried.wait()
    for abandon in abandons:
        abandon()
