"""Requests of clients at a replica: starts, readers, stops, and jobs to let go of."""

from typing import Final

import trio

from legato.actors.admission import NotStarted, StartRefused
from legato.actors.conversation.plan import InvalidTurn
from legato.actors.start import StartReply, start_turn
from legato.actors.stream.places import Start
from legato.agents.definition import Agent
from legato.config import OnBusy
from legato.prove.model import AskedStart, KnownJob
from legato.prove.readers import SimulatedReader
from legato.prove.schedule import nth
from legato.prove.seats import Seat
from legato.prove.simulation import CONVERSATIONS, Simulation
from legato.storage.contracts.errors import ForeignConversation

_BESIDE: Final[tuple[OnBusy, ...]] = ("interrupt", "enqueue")
_ASKED: Final = 0.1  # seconds until the model of a started job is asked
_REFUSALS: Final = (StartRefused, NotStarted, InvalidTurn, ForeignConversation)


async def begin_first(
    sim: Simulation, place: int, conversation: int, agents: tuple[Agent, ...]
) -> None:
    """Start a job for what comes next, and return when the model is asked."""
    begin(sim, place, nth(CONVERSATIONS, conversation), nth(_BESIDE, place), agents=agents)
    await trio.sleep(_ASKED)


def begin(
    sim: Simulation,
    place: int,
    conversation: str,
    on_busy: OnBusy,
    request_id: str | None = None,
    agents: tuple[Agent, ...] = (),
) -> None:
    seat, asked = sim.open_seat(place), sim.model.asks(conversation, request_id, agents)
    place_words = f"in conversation {CONVERSATIONS.index(conversation) + 1} at {sim.name(seat)}"
    request_words = f", as request {request_id}" if request_id else ""
    agent_words = ", of an agent" if agents else ""
    how = f"{on_busy}{request_words}{agent_words}"
    sim.model.step(f"job {asked.number} is asked for {place_words} ({how})")

    async def question() -> None:
        try:
            reply = await start_turn(
                sim.turn(asked), on_busy, jobs=seat.jobs, records=sim.replicas.records
            )
        except _REFUSALS as error:
            _refused(sim, asked, error)
        else:
            _answered(sim, seat, asked, reply)

    sim.ask(seat, f"the start of job {asked.number}", question)


def _answered(sim: Simulation, seat: Seat, asked: AskedStart, reply: StartReply) -> None:
    if not seat.is_open:
        return  # the client heard no reply
    job_id = reply.generation_id
    where = f" is {sim.model.name(job_id)}" if job_id not in (None, asked.job_id) else ""
    sim.model.note(f"job {asked.number}{where}: {reply.status}")
    if job_id is not None:
        sim.model.hears_of(job_id).replies.append(reply)


def _refused(sim: Simulation, asked: AskedStart, error: Exception) -> None:
    sim.model.note(f"job {asked.number} is refused: {error}")
    if sim.model.is_freed(asked.request_id):
        return  # the start raced with the deletion of the request's former job
    if isinstance(error, NotStarted) and error.reason == "request_taken":
        words = f"job {asked.number} is refused, though the same request may be asked again"
        sim.model.breach("request", words)


def read(sim: Simulation, known: KnownJob, start: Start, seat: Seat) -> SimulatedReader:
    reader = SimulatedReader(sim, len(sim.readers) + 1, known.asked.job_id, start, seat)
    sim.readers.append(reader)
    sim.nursery.start_soon(reader.run)
    return reader


def stop_at(sim: Simulation, known: KnownJob, seat: Seat) -> None:
    async def question() -> None:
        job = await seat.jobs.whereis("ann", known.asked.job_id)
        if job is not None:
            sim.stopped(known, seat, await job.stop())

    sim.ask(seat, f"the stop of {known.name} at {sim.name(seat)}", question)


def discard_at(sim: Simulation, known: KnownJob, seat: Seat) -> None:
    sim.model.deleted.add(known.asked.job_id)
    sim.lost_at = trio.current_time()

    async def question() -> None:
        await seat.jobs.discard(known.asked.job_id)
        sim.lost_at = trio.current_time()

    sim.ask(seat, f"the discarding of {known.name}", question)
