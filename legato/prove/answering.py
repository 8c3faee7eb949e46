"""Answers to runs that ask, given at any replica."""

import trio

from legato.actors.steering.interjections import AnswerAsk, Rejected
from legato.events import Answered, Asked
from legato.prove.model import KnownJob
from legato.prove.schedule import nth
from legato.prove.simulation import Simulation


def decision_on(ask: Asked, how: int) -> Answered:
    return result_of(ask, how) if ask.kind == "client_tool" else _leave(ask, how)


def result_of(ask: Asked, how: int) -> Answered:
    """A client's answer to the call of a tool of the client's own."""
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


def answer_ask(sim: Simulation, known: KnownJob, said: Answered, place: int) -> None:
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


def allow_all(sim: Simulation) -> None:
    """Have each open ask answered, at any replica."""
    for known in sim.model.jobs:
        if known.asked.agents and not sim.model.is_deleted(known):
            for ask in sim.asks[known.asked.job_id].open():
                answer_ask(sim, known, decision_on(ask, 0), known.asked.number)
