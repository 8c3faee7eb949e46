"""Runs that ask for leave, and answers at any replica."""

from collections.abc import Sequence
from typing import Final

import trio

from legato.events import Asked
from legato.prove.answering import answer_ask, decision_on
from legato.prove.model import KnownJob
from legato.prove.rules.agents import CALLING, call
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.simulation import Simulation
from legato.prove.tools import WIPE

OpenAsk = tuple[KnownJob, Asked]


async def ask_for_leave(sim: Simulation, place: int, count: int, answered: int) -> None:
    """A model calls a tool that needs leave; one time in three somebody answers soon."""
    await call(sim, place, [WIPE] * (count + 1), is_whole=True)
    await trio.sleep(CALLING)
    if not answered:
        await decide(sim, place, place, count)


async def decide(sim: Simulation, number: int, place: int, how: int) -> None:
    if asks := _asks(sim):
        known, ask = nth(asks, number)
        answer_ask(sim, known, decision_on(ask, how), place)


def _asks(sim: Simulation) -> Sequence[OpenAsk]:
    """All asks, also the answered ones: the same answer may come again, or another."""
    agents = [each for each in sim.model.jobs if each.asked.agents]
    return [(each, ask) for each in agents for ask in sim.asks[each.asked.job_id].asks()]


RULES: Final = (
    Rule("ask for leave", 2, (PLACE, 2, 3), ask_for_leave),
    Rule("decide", 3, (PLACE, PLACE, 4), decide),
)
