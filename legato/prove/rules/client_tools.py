"""Runs that call tools of their client, and results sent once, twice, and beside what ends them."""

from collections.abc import Sequence
from typing import Final

import trio

from legato.agents.tools.contract import ToolDefinition
from legato.events import Asked
from legato.prove.answering import answer_ask, result_of
from legato.prove.model import KnownJob
from legato.prove.requests import stop_at
from legato.prove.rules.agents import CALLING, call
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.simulation import Simulation
from legato.prove.tools import LOCATE, READ, WIPE, WRITE

CALLED: Final[Sequence[Sequence[ToolDefinition]]] = (
    (LOCATE,),
    (LOCATE, LOCATE),
    (WRITE, LOCATE),
    (LOCATE, WIPE, READ),
)

BESIDE: Final = ("nothing", "the same again", "a stop", "a kill", "an expiry")
EARLY: Final = 0.01  # seconds before an ask expires at which a result is sent
TURNS: Final = 12  # of the loop, between two results


async def call_client(sim: Simulation, place: int, called: int, answered: int) -> None:
    """A model calls a tool of the client; one time in three there is a result soon."""
    await call(sim, place, nth(CALLED, called), is_whole=True)
    await trio.sleep(CALLING)
    if not answered and (asks := _open(sim)):
        known, ask = nth(asks, place)
        answer_ask(sim, known, result_of(ask, called), place)


async def two_results(sim: Simulation, place: int, other: int, beside: int, turns: int) -> None:
    """Two tabs of a client send a result each, at any replicas, and something happens beside."""
    what = nth(BESIDE, beside)
    if what == "a kill":
        await sim.may_lose()
    if not _open(sim):
        await call_client(sim, place, other, 1)
    if not (asks := _open(sim)):
        return
    known, ask = nth(asks, place)
    if what == "an expiry":
        await trio.sleep_until(ask.expires_at / 1000 - EARLY)
    answer_ask(sim, known, result_of(ask, place), place)
    if what == "a stop":
        sim.model.step(f"{known.name} is stopped at {sim.name(sim.open_seat(other))}")
        stop_at(sim, known, sim.open_seat(other))
    for _ in range(turns):
        await trio.lowlevel.checkpoint()
    if what == "a kill":
        _kill_owner(sim, known)
    answer_ask(sim, known, result_of(ask, place if what == "the same again" else other), other)


def _kill_owner(sim: Simulation, known: KnownJob) -> None:
    stored_log = sim.replicas.world.stored_logs.get(known.asked.job_id)
    owner = next(
        (
            each
            for each in sim.open_seats()
            if stored_log and each.replication.me == stored_log.owner
        ),
        None,
    )
    if owner is not None and len(sim.open_seats()) > 1:
        sim.model.step(f"{sim.name(owner)} is killed meanwhile")
        owner.kill()


def _open(sim: Simulation) -> Sequence[tuple[KnownJob, Asked]]:
    """The calls that wait for a client."""
    return [
        (each, ask)
        for each in sim.model.jobs
        if each.asked.agents and not sim.model.is_deleted(each)
        for ask in sim.asks[each.asked.job_id].open()
        if ask.kind == "client_tool"
    ]


RULES: Final = (
    Rule("call a client's tool", 2, (PLACE, len(CALLED), 3), call_client),
    Rule("two results", 2, (PLACE, PLACE, len(BESIDE), TURNS), two_results),
)
