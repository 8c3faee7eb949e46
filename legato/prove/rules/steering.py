"""Steers sent, sent again, cancelled and looked for, at any replica."""

from collections.abc import Sequence
from typing import Final

from legato.actors.steering.interjections import (
    CancelSteer,
    FindSteer,
    Rejected,
    Steer,
    SteerReceipt,
)
from legato.agents.definition import Agent
from legato.prove.model import KnownJob
from legato.prove.requests import begin_first
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.simulation import Simulation
from legato.prove.tools import AGENT
from legato.prove.witnesses.steers import SentSteer

AGENTS: Final[Sequence[tuple[Agent, ...]]] = ((), (), (AGENT,))

Sent = tuple[KnownJob, SentSteer]


async def steer(sim: Simulation, job: int, place: int, preempt: int) -> None:
    """A steer for a job whose model is asked; where none is, mostly for a job that begins first."""
    await new(sim, job, place, preempt=bool(preempt))


async def new(
    sim: Simulation, job: int, place: int, *, preempt: bool, is_for_next: bool = False
) -> Sent | None:
    """Send a steer as `steer` does.  `is_for_next`: see SentSteer."""
    if not _asking(sim) and job:
        await begin_first(sim, place, job, nth(AGENTS, job))
    if (known := _spoken_to(sim, job)) is None:
        return None
    sent = known, sim.steers[known.asked.job_id].new(is_for_next=is_for_next)
    send(sim, sent, place, preempt=preempt)
    return sent


async def steer_again(sim: Simulation, number: int, place: int, preempt: int) -> None:
    """A client without a reply asks again, perhaps for a cut of the model call now."""
    if steers := _sent(sim):
        send(sim, nth(steers, number), place, preempt=bool(preempt))


async def cancel(sim: Simulation, number: int, place: int) -> None:
    if steers := _sent(sim):
        sent = nth(steers, number)
        _ask(sim, sent, place, "is to be cancelled", CancelSteer(sent[1].client_id))


async def find(sim: Simulation, number: int, place: int) -> None:
    if steers := _sent(sim):
        sent = nth(steers, number)
        _ask(sim, sent, place, "is looked for", FindSteer(sent[1].client_id))


def send(sim: Simulation, sent: Sent, place: int, *, preempt: bool) -> None:
    """Send a steer, once more with new ids where a client has no reply yet."""
    known, steer = sent
    steer.times += 1
    steer_id = f"{known.asked.job_id}-{steer.number}-{steer.times}"
    next_turn = sim.next_turns.offer(known, steer) if steer.is_for_next else None
    message = Steer(steer_id, steer.text, steer.times, steer.client_id, preempt, next_turn)
    words = "is sent, to be read now" if preempt else "is sent"
    after = f", or asked as {sim.model.name(next_turn.job_id)}" if next_turn else ""
    _ask(sim, sent, place, words + after, message)


def _ask(
    sim: Simulation, sent: Sent, place: int, words: str, message: Steer | CancelSteer | FindSteer
) -> None:
    (known, steer), seat, before = sent, sim.open_seat(place), sent[1].receipt
    name = f"{steer.client_id} of {known.name}"
    sim.model.step(f"{name} {words} at {sim.name(seat)}")

    async def question() -> None:
        if (job := await seat.jobs.whereis("ann", known.asked.job_id)) is None:
            return
        reply = await job.ask(message)
        sim.model.note(f"{name} {_words(reply)}")
        if sim.is_heard(known, seat):
            witness = sim.steers[known.asked.job_id]
            witness.hears(steer, before, reply, is_sure=sim.in_reach(seat))

    sim.ask(seat, name, question)


def _words(reply: SteerReceipt | Rejected) -> str:
    if isinstance(reply, Rejected):
        return f"is rejected: {reply.reason}"
    outcome = type(reply.outcome).__name__ if reply.outcome else f"waits in place {reply.position}"
    return f"{outcome}, at {reply.cursor.seq}"


def _spoken_to(sim: Simulation, number: int) -> KnownJob | None:
    """A job for which the provider has a connection, or else any."""
    open_now = _asking(sim)
    return sim.model.known[nth(open_now, number)] if open_now else sim.job(number)


def _asking(sim: Simulation) -> Sequence[str]:
    return [each.job_id for each in sim.provider.connections if each.job_id in sim.model.known]


def _sent(sim: Simulation) -> Sequence[Sent]:
    return [
        (sim.model.known[job_id], steer)
        for job_id, witness in sim.steers.items()
        for steer in witness.sent
    ]


RULES: Final = (
    Rule("steer", 4, (PLACE, PLACE, 2), steer),
    Rule("steer again", 1, (PLACE, PLACE, 2), steer_again),
    Rule("cancel a steer", 1, (PLACE, PLACE), cancel),
    Rule("find a steer", 1, (PLACE, PLACE), find),
)
