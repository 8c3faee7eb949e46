"""A replica told to go, and to be gone in time."""

from typing import Final

import trio

from legato.prove.seats import Seat
from legato.prove.simulation import Simulation

_LEAVING: Final = 30.0
"""Seconds within which a replica that is told to go is gone: running jobs are stored, and the last
write is made."""


def tell_to_go(sim: Simulation, seat: Seat) -> None:
    sim.lost_at = trio.current_time()
    seat.leave()
    sim.nursery.start_soon(_gone_in_time, sim, seat)


async def _gone_in_time(sim: Simulation, seat: Seat) -> None:
    with trio.move_on_after(_LEAVING):
        await seat.ended.wait()
        sim.lost_at = trio.current_time()
        return
    sim.model.breach("shutdown", f"{sim.name(seat)} is not gone {_LEAVING:g} s after it was told")
