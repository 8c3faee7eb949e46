"""A supervisor's whole life: a former process's jobs come first, and nothing is left at the end."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio

from legato.actors.durability.parked import Parked
from legato.actors.durability.recovered import Recovered
from legato.actors.durability.recovery import Recovery
from legato.actors.durability.takeover import TakeoverPolicy
from legato.actors.jobs import Jobs
from legato.actors.local_jobs import LocalJobs
from legato.actors.resources import JobResources
from legato.actors.supervisor import Supervisor
from legato.config import Limits, OnOwnerLost
from legato.storage.contracts.journal import Journal

LAST_WRITE = 1.0
"""Seconds for the journal at shutdown; what it misses then, the next process finds out."""


class Replica(NamedTuple):
    """A process's own jobs, and all jobs as seen by a program of the process."""

    supervisor: Supervisor
    jobs: Jobs


@asynccontextmanager
async def open_supervisor(
    resources: JobResources,
    *,
    journal: Journal | None = None,
    on_owner_lost: OnOwnerLost = "seal",
) -> AsyncIterator[Supervisor]:
    """Open a supervisor; first end or continue the jobs of a former process (see TakeoverPolicy).

    On leaving, running jobs are stopped and stored; a hanging storage delays this by
    `store_timeout` at most.

    Raises:
        StorageError: if the former process's jobs cannot be read, or not be stored.
    """
    records, limits = resources.records, resources.limits
    recovered: Sequence[Recovered | Parked] = ()
    if journal is not None:
        policy = TakeoverPolicy(resources.models, on_owner_lost)
        recovered = await Recovery(journal, records, policy).all(most=limits.max_retained_bytes)
    abandons = [records.abandon, *([journal.abandon] if journal else [])]
    hurried = trio.Event()
    async with abandoning(hurried, abandons) as leaving, trio.open_nursery() as nursery:
        supervisor = Supervisor(
            nursery,
            resources,
            hurried=hurried,
            journal=journal,
            is_resumed=on_owner_lost == "continue",
        )
        supervisor.follow_ups.jobs = LocalJobs(supervisor)
        supervisor.adopt(recovered)
        yield supervisor
        await drained(supervisor, limits, supervisor.drain.run)
        leaving.set()
        nursery.cancel_scope.cancel()


async def drained(
    supervisor: Supervisor, limits: Limits, drain: Callable[[], Awaitable[None]]
) -> None:
    """Return when all running jobs are stored, or the time is over, or `hurried` is set."""
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + limits.store_timeout + LAST_WRITE
        nursery.start_soon(_cancel_when, supervisor.hurried, nursery.cancel_scope)
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
