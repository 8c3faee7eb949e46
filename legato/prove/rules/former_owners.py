"""Owners that are cut off until another replica has ended their jobs, and come back.

Drawn step by step, these schedules would hardly ever come in the right order.
"""

from typing import Final

import trio

from legato.models.contract import FinishReport
from legato.prove.model import KnownJob
from legato.prove.provider import ProviderConnection
from legato.prove.rules.jobs import discard_at
from legato.prove.rules.reading import read
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.seats import Seat
from legato.prove.simulation import Simulation
from legato.prove.world import LEASE

TAKEN: Final = 1.5 * LEASE  # seconds after which a job of a lost owner is another replica's
FORGOTTEN: Final = (0.5, 2.0, 5.0)  # seconds for the job to be discarded


async def forget(sim: Simulation, place: int, length: int) -> None:
    """The next owner ends the job and forgets it, and nobody but the former owner has it."""
    if (found := await _cut_off(sim, place)) is None:
        return
    known, owner, connection, other = found
    sim.model.step(
        f"{sim.name(owner)} is cut off with {known.name}, which has readers; {sim.name(other)} "
        "forgets the job"
    )
    for seat in (owner, other):
        read(sim, known, "beginning", seat)
    await trio.sleep(TAKEN)
    connection.play([FinishReport("stop")])
    discard_at(sim, known, other)
    await trio.sleep(nth(FORGOTTEN, length))
    sim.come_back(owner)


async def end(sim: Simulation, place: int) -> None:
    """The former owner and the next come to an ending while the database hangs."""
    if (found := await _cut_off(sim, place)) is None:
        return
    known, owner, connection, _ = found
    sim.model.step(f"{sim.name(owner)} is cut off with {known.name}; the database hangs meanwhile")
    sim.replicas.records.hold()
    connection.play([FinishReport("stop")])
    await trio.sleep(TAKEN)
    sim.replicas.records.release()


async def _cut_off(
    sim: Simulation, place: int
) -> tuple[KnownJob, Seat, ProviderConnection, Seat] | None:
    """Cut off the owner of a running job; return the job, its owner, the owner's connection, and
    a replica that may be the next owner.  None without such a job."""
    await sim.may_lose()
    seats = {seat.replication.me: seat for seat in sim.open_seats() if sim.in_reach(seat)}
    running = [
        each
        for each in sim.provider.connections
        if each.job_id in sim.model.known and each.replica in seats
    ]
    if not running or len(seats) < 2:
        return None
    connection: ProviderConnection = nth(running, place)
    owner = seats.pop(connection.replica)
    owner.replication.away = True
    return sim.model.known[connection.job_id], owner, connection, nth([*seats.values()], place)


RULES: Final = (
    Rule("former owner, job forgotten", 1, (PLACE, len(FORGOTTEN)), forget),
    Rule("former owner, database hangs", 2, (PLACE,), end),
)
