"""Runs that ask for leave, and answers at any replica."""

from collections.abc import Sequence
from typing import Final

import trio

from legato.actors.steering.interjections import AnswerAsk, Rejected
from legato.events import Answered, Asked
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
        answer(sim, known, _decision(ask, how), place)


def _decision(ask: Asked, how: int) -> Answered:
    return result(ask, how) if ask.kind == "client_tool" else _leave(ask, how)


def result(ask: Asked, how: int) -> Answered:
    """What a client says of the call of a tool of the client's own."""
    results = (
        Answered(ask_id=ask.ask_id, decision="answer", by="ann", value="At home."),
        Answered(ask_id=ask.ask_id, decision="answer", by="bob", value={"room": 1}),
        Answered(ask_id=ask.ask_id, decision="deny", by="ann", reason="No."),
        Answered(ask_id=ask.ask_id, decision="approve", by="bob"),  # which is not allowed
    )
    return nth(results, how)  # type: ignore[no-any-return]


def _leave(ask: Asked, how: int) -> Answered:
    decisions = (
        Answered(ask_id=ask.ask_id, decision="approve", by="ann"),
        Answered(ask_id=ask.ask_id, decision="deny", by="bob", reason="No."),
        Answered(ask_id=ask.ask_id, decision="edit", by="ann", value={"edited": 1}),
        Answered(ask_id=ask.ask_id, decision="answer", by="bob", value="Done by hand."),
    )
    return nth(decisions, how)  # type: ignore[no-any-return]


def answer(sim: Simulation, known: KnownJob, said: Answered, place: int) -> None:
    seat = sim.open_seat(place)
    name = f"{said.ask_id} of {known.name}"
    sim.model.step(f"{name} is answered at {sim.name(seat)}: {said.decision}")

    async def question() -> None:
        if (job := await seat.jobs.whereis("ann", known.asked.job_id)) is None:
            return
        reply = await job.ask(AnswerAsk(said, int(1000 * trio.current_time())))
        word = reply.reason if isinstance(reply, Rejected) else "taken"
        sim.model.note(f"the answer to {name}: {word}, at {reply.cursor.seq}")
        if sim.is_heard(known, seat):
            witness = sim.asks[known.asked.job_id]
            witness.hears(said, reply, is_sure=sim.in_reach(seat))

    sim.ask(seat, f"the answer to {name}", question)


def answer_asks(sim: Simulation) -> None:
    """Have each open ask answered, at any replica."""
    for known in sim.model.jobs:
        if known.asked.agents and not sim.model.is_deleted(known):
            for ask in sim.asks[known.asked.job_id].open():
                answer(sim, known, _decision(ask, 0), known.asked.number)


def _asks(sim: Simulation) -> Sequence[OpenAsk]:
    """All asks, also the answered ones: the same answer may come again, or another."""
    agents = [each for each in sim.model.jobs if each.asked.agents]
    return [(each, ask) for each in agents for ask in sim.asks[each.asked.job_id].asks()]


RULES: Final = (
    Rule("ask for leave", 2, (PLACE, 2, 3), ask_for_leave),
    Rule("decide", 3, (PLACE, PLACE, 4), decide),
)
