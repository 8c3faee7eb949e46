"""Steers whose words are to be asked in any case: by the running answer, or as the next turn."""

from typing import Final

import trio

from legato.models.contract import FinishReport, ModelError
from legato.prove.leaving import tell_to_go
from legato.prove.provider import ProviderConnection
from legato.prove.requests import stop_at
from legato.prove.rules.steering import new, send
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.seats import Seat
from legato.prove.simulation import Simulation
from legato.prove.world import LEASE

TAKEN: Final = 0.05  # seconds until a steer is in the journal
TURNS: Final = 60  # of the loop, in which a finished answer has the next turns queued
GONE: Final = 1.5 * LEASE  # seconds after which a job of a lost owner is another replica's

ENDS: Final = ("finishes", "finishes", "fails")
MEANWHILE: Final = ("nothing", "killed", "killed", "goes", "stopped", "cut off", "sent again")


async def say(sim: Simulation, job: int, place: int, preempt: int) -> None:
    await new(sim, job, place, preempt=not preempt, is_for_next=True)


async def leave_over(sim: Simulation, place: int, how: int, turns: int, meanwhile: int) -> None:
    """The model ends without the words, and some turns of the loop later something happens to the
    owner, or to the job."""
    if nth(MEANWHILE, meanwhile) in ("killed", "cut off"):
        await sim.may_lose()
    if (sent := await new(sim, place, place, preempt=False, is_for_next=True)) is None:
        return
    await trio.sleep(TAKEN)
    known = sent[0]
    named = [each for each in sim.provider.connections if each.job_id == known.asked.job_id]
    if not named:
        return
    owner = next((each for each in sim.open_seats() if _is_owner(each, named[0])), None)
    sim.model.step(f"the provider {nth(ENDS, how)} {known.name}, without the words")
    is_failure = nth(ENDS, how) == "fails"
    named[0].play(
        ModelError("provider_error", "It fell.") if is_failure else [FinishReport("stop")]
    )
    for _ in range(turns):
        await trio.lowlevel.checkpoint()
    match nth(MEANWHILE, meanwhile):
        case "stopped":
            sim.model.step(f"{known.name} is stopped at {sim.name(sim.open_seat(place))}")
            stop_at(sim, known, sim.open_seat(place))
        case "sent again":
            send(sim, sent, place, preempt=False)
        case "killed" | "goes" | "cut off" as what if owner and len(sim.open_seats()) > 1:
            await _lose(sim, owner, what)


def _is_owner(seat: Seat, connection: ProviderConnection) -> bool:
    return seat.replication.me == connection.replica


async def _lose(sim: Simulation, owner: Seat, what: str) -> None:
    if what == "goes" and sim.in_trouble(owner):
        return
    words = {"killed": "is killed", "goes": "is told to go", "cut off": "is cut off"}
    sim.model.step(f"{sim.name(owner)} {words[what]} meanwhile")
    match what:
        case "killed":
            owner.kill()
        case "goes":
            tell_to_go(sim, owner)
        case _:
            owner.replication.away = True
            await trio.sleep(GONE)
            sim.come_back(owner)


RULES: Final = (
    Rule("say for a next turn", 2, (PLACE, PLACE, 4), say),
    Rule("leave words over", 2, (PLACE, len(ENDS), TURNS, len(MEANWHILE)), leave_over),
)
