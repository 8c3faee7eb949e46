"""Several replicas in one process, on a world that fails as a test has it fail."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from legato.actors.cluster.lifespan import open_replica
from legato.actors.replica import Replica
from legato.actors.supervisor import Supervisor
from legato.dialects.librechat import LibreChat
from legato.models.contract import Model
from legato.prove import seats
from legato.prove.seats import Replicas, Seat
from legato.prove.world import LEASE, Faulty, FaultyJournal, FaultyWorld
from tests.support.actors import PlayedModel
from tests.support.numbers import Numbers

__all__ = [
    "LEASE",
    "Faulty",
    "FaultyJournal",
    "FaultyWorld",
    "Replicas",
    "Seat",
    "open_replicas",
    "supervisor_at",
]


@asynccontextmanager
async def open_replicas(
    count: int = 2,
    *,
    on_owner_lost: str = "seal",
    model: Callable[[str], Model] | None = None,
    **limits: Any,
) -> AsyncIterator[Replicas]:
    async with seats.open_replicas(
        count,
        open_replica,
        on_owner_lost=on_owner_lost,
        model=model or (lambda me: PlayedModel()),
        dialects={"librechat": LibreChat, "numbers": Numbers},
        **limits,
    ) as replicas:
        yield replicas


def supervisor_at(seat: Seat) -> Supervisor:
    """The supervisor of the seat's replica, of which a simulation sees less."""
    assert isinstance(seat.replica, Replica)
    return seat.replica.supervisor
