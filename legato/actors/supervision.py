"""A supervisor's whole life: what a former one left comes first, and nothing is left at its end."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import trio

from legato.actors.recovery import recover
from legato.actors.supervisor import Supervisor
from legato.config import Limits
from legato.dialects.contract import Dialect
from legato.models.contract import Model
from legato.storage.contract import Journal, Records

LAST_WRITE = 1.0
"""Seconds for the journal at shutdown; what it misses then, the next process finds out."""


@asynccontextmanager
async def open_supervisor(
    *,
    records: Records,
    models: Mapping[str, Model],
    dialects: Mapping[str, Dialect],
    limits: Limits,
    journal: Journal | None = None,
) -> AsyncIterator[Supervisor]:
    """First what a former process left is brought to its end; on leaving, what runs is stopped and
    stored, which a storage that hangs does not hold up for longer than `store_timeout`.

    Raises:
        StorageError: if what was left cannot be read, or not be stored.
    """
    recovered = () if journal is None else await recover(journal, records)
    async with trio.open_nursery() as nursery:
        supervisor = Supervisor(
            nursery,
            records=records,
            models=models,
            dialects=dialects,
            limits=limits,
            journal=journal,
        )
        supervisor.adopt(recovered)
        yield supervisor
        with trio.move_on_after(limits.store_timeout + LAST_WRITE):
            await supervisor.drain()
        nursery.cancel_scope.cancel()
