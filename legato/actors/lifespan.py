"""A supervisor's whole life: a former process's jobs come first, and nothing is left at the end."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from legato.actors.durability.parked import Parked
from legato.actors.durability.recovered import Recovered
from legato.actors.durability.recovery import Recovery
from legato.actors.durability.takeover import TakeoverPolicy
from legato.actors.local_jobs import LocalJobs
from legato.actors.resources import JobResources
from legato.actors.supervision.shutdown import abandoning, drained
from legato.actors.supervisor import Supervisor
from legato.config import OnOwnerLost
from legato.storage.contracts.journal import Journal


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
        await drained(hurried, limits, supervisor.drain.run)
        leaving.set()
        nursery.cancel_scope.cancel()
