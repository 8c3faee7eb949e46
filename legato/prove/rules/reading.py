"""Readers that begin anywhere, and move."""

from typing import Final

from legato.actors.stream.places import Start
from legato.prove.readers import SimulatedReader
from legato.prove.requests import read
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.simulation import Simulation


async def subscribe(sim: Simulation, job: int, start: int, place: int) -> None:
    """A reader begins at the first event, at a snapshot, or at the cursor of a different reader."""
    if (known := sim.job(job)) is None:
        return
    cursors = [
        reader.client.cursor
        for reader in sim.readers
        if reader.job_id == known.asked.job_id and reader.client.cursor and not reader.is_done
    ]
    begin: Start = nth(["beginning", "snapshot", *cursors], start)
    reader = read(sim, known, begin, sim.open_seat(place))
    words = f"from {begin}" if isinstance(begin, str) else f"after {begin.seq}"
    sim.model.step(f"{reader.name} reads {known.name} {words} at {sim.name(reader.seat)}")


async def move(sim: Simulation, number: int, place: int) -> None:
    """A connection drops; the reader comes back elsewhere."""
    if reading := [each for each in sim.readers if not each.is_done]:
        reader: SimulatedReader = nth(reading, number)
        reader.seat = sim.open_seat(place)
        sim.model.step(f"{reader.name} moves to {sim.name(reader.seat)}")
        reader.connection.cancel()


RULES: Final = (
    Rule("subscribe", 6, (PLACE, PLACE, PLACE), subscribe),
    Rule("move", 3, (PLACE, PLACE), move),
)
