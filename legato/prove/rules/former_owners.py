"""Owners that are cut off until another replica has ended their jobs, and come back.

Drawn step by step, these schedules would hardly ever come in the right order.
"""

from typing import Final

import trio

from legato.models.contract import FinishReport, TextChunk
from legato.prove.leaving import tell_to_go
from legato.prove.model import KnownJob
from legato.prove.provider import ProviderConnection
from legato.prove.requests import begin, discard_at, read
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.seats import Seat
from legato.prove.simulation import CONVERSATIONS, Simulation
from legato.prove.world import LEASE

TAKEN: Final = 1.5 * LEASE  # seconds after which a job of a lost owner is another replica's
STAYING: Final = 12  # of two dozen numbers, those for which the next owner stays
SAID: Final = 0.1  # seconds until a word is kept
QUEUED: Final = 0.5  # seconds in which a turn would be kept
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


async def end(sim: Simulation, place: int, turns: int) -> None:
    """The former owner and the next come to an ending while the database hangs.

    Above STAYING `turns`, the next owner is told to go, so many turns of the loop before the
    database answers.
    """
    goes = max(0, turns - STAYING)
    if (found := await _cut_off(sim, place, silent=bool(goes))) is None:
        return
    known, owner, connection, _ = found
    sim.model.step(f"{sim.name(owner)} is cut off with {known.name}; the database hangs meanwhile")
    sim.replicas.records.hold()
    connection.play([FinishReport("stop")])
    await trio.sleep(TAKEN)
    if goes:
        _tell_next_owner_to_go(sim, known)
        for _ in range(goes):
            await trio.lowlevel.checkpoint()
    sim.replicas.records.release()


async def say(sim: Simulation, place: int, words: int) -> None:
    """A reader sees words that only the former owner has, and comes back to the next owner, whose
    model says others."""
    if (found := await _cut_off(sim, place)) is None:
        return
    known, owner, connection, _ = found
    sim.model.step(f"{sim.name(owner)} is cut off with {known.name}, and says {words + 1} words")
    read(sim, known, "beginning", owner)
    connection.play([TextChunk(sim.provider.word()) for _ in range(words + 1)])
    await trio.sleep(TAKEN)
    for each in sim.provider.connections:
        if each.job_id == connection.job_id and each is not connection:
            each.play([TextChunk(sim.provider.word()) for _ in range(2 * words + 2)])
    await trio.sleep(SAID)
    sim.come_back(owner)


def _tell_next_owner_to_go(sim: Simulation, known: KnownJob) -> None:
    """The next owner cannot bring the job here before the database answers."""
    stored_log = sim.replicas.world.stored_logs.get(known.asked.job_id)
    others = [each for each in sim.open_seats() if sim.in_reach(each)]
    owner = next(
        (each for each in others if stored_log and each.replication.me == stored_log.owner), None
    )
    if owner is None or len(others) < 2 or owner.replication.is_faulty:
        return
    sim.model.step(f"{sim.name(owner)}, which takes {known.name} over, is told to go")
    others.remove(owner)
    read(sim, known, "beginning", others[0])
    tell_to_go(sim, owner)


async def queue(sim: Simulation, place: int, conversation: int) -> None:
    """A turn is queued at a replica that cannot write, and is killed a moment later."""
    await sim.may_lose()
    if len(sim.open_seats()) < 2:
        return
    seat = sim.open_seat(place)
    seat.replication.keeps = False
    begin(sim, place, nth(CONVERSATIONS, conversation), "enqueue")
    sim.model.step(f"{sim.name(seat)} writes nothing meanwhile, and is killed")
    await trio.sleep(QUEUED)
    seat.kill()


async def _cut_off(
    sim: Simulation, place: int, *, silent: bool = False
) -> tuple[KnownJob, Seat, ProviderConnection, Seat] | None:
    """Cut off the owner of a running job; return the job, its owner, the owner's connection, and
    a replica that may be the next owner.  None without such a job.

    `silent`: of a job whose model has said nothing yet.
    """
    await sim.may_lose()
    seats = {seat.replication.me: seat for seat in sim.open_seats() if sim.in_reach(seat)}
    running = [
        each
        for each in sim.provider.connections
        if each.job_id in sim.model.known and each.replica in seats and not (silent and each.said)
    ]
    if not running or len(seats) < 2:
        return None
    connection: ProviderConnection = nth(running, place)
    owner = seats.pop(connection.replica)
    owner.replication.away = True
    return sim.model.known[connection.job_id], owner, connection, nth([*seats.values()], place)


RULES: Final = (
    Rule("former owner, job forgotten", 1, (PLACE, len(FORGOTTEN)), forget),
    Rule("former owner, database hangs", 2, (PLACE, 2 * STAYING), end),
    Rule("former owner, words lost", 1, (PLACE, 3), say),
    Rule("queued at a killed owner", 1, (PLACE, 2), queue),
)
