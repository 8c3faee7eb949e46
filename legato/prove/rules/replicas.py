"""Replicas killed, cut off, paused, joining and leaving."""

from typing import Final

import trio

from legato.prove.leaving import tell_to_go
from legato.prove.rules.jobs import say
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.seats import Seat
from legato.prove.simulation import Simulation
from legato.prove.world import LEASE

MOST: Final = 5
AWAY: Final = (0.3, 0.6, 1.15, 1.5, 3.0)
"""Shares of a lease: shorter and longer than the time after which a replica counts as gone."""


async def kill(sim: Simulation, place: int) -> None:
    if len(sim.open_seats()) > 1:
        await sim.may_lose()
        seat = sim.open_seat(place)
        sim.model.step(f"{sim.name(seat)} is killed")
        seat.kill()


async def leave(sim: Simulation, place: int) -> None:
    if len(sim.open_seats()) > 1:
        seat = sim.open_seat(place)
        if sim.in_trouble(seat):
            await sim.may_lose()
            seat = sim.open_seat(place)
        sim.model.step(f"{sim.name(seat)} is told to go")
        tell_to_go(sim, seat)


async def join(sim: Simulation) -> None:
    if len(sim.replicas.seats) < MOST:
        sim.model.step(f"replica {len(sim.replicas.seats) + 1} joins")
        await sim.replicas.open()


async def cut_off(sim: Simulation, place: int) -> None:
    await sim.may_lose()
    seat = sim.open_seat(place)
    sim.model.step(f"{sim.name(seat)} is cut off")
    seat.replication.away = True


async def come_back(sim: Simulation) -> None:
    for seat in sim.open_seats():
        if seat.replication.away:
            sim.model.step(f"{sim.name(seat)} is back")
            sim.come_back(seat)


async def pause(sim: Simulation, place: int, length: int) -> None:
    await sim.may_lose()
    seat, seconds = sim.open_seat(place), LEASE * nth(AWAY, length)
    sim.model.step(f"{sim.name(seat)} is cut off for {seconds:g} s")
    seat.replication.away = True
    sim.nursery.start_soon(_back_after, sim, seat, seconds)


async def _back_after(sim: Simulation, seat: Seat, seconds: float) -> None:
    await trio.sleep(seconds)
    if seat.is_open and seat.replication.away:
        sim.model.note(f"{sim.name(seat)} is back")
        sim.come_back(seat)


async def outlive(sim: Simulation, dies: int, says: int, length: int) -> None:
    """The owner of what runs is gone, or only seems to be, for longer than a lease."""
    owners = {each.replica for each in sim.provider.connections}
    owner = next((seat for seat in sim.open_seats() if seat.replication.me in owners), None)
    if owner is None or len(sim.open_seats()) < 2:
        return
    await sim.may_lose()
    seconds = LEASE * nth((0.6, 1.15, 1.5), length)
    manner = "is killed" if dies else "is cut off"
    sim.model.step(f"{sim.name(owner)}, which has a job, {manner}; {seconds:g} s pass")
    if dies:
        owner.kill()
    owner.replication.away = True
    for number in range(says):
        await say(sim, number, number, 0)
    await trio.sleep(seconds)


RULES: Final = (
    Rule("outlive", 2, (2, 5, 3), outlive),
    Rule("kill", 1, (PLACE,), kill),
    Rule("leave", 1, (PLACE,), leave),
    Rule("join", 1, (), join),
    Rule("cut off", 1, (PLACE,), cut_off),
    Rule("come back", 1, (), come_back),
    Rule("pause", 1, (PLACE, len(AWAY)), pause),
)
