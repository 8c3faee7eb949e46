"""Starts, what providers say, stops, questions and deletions."""

from typing import Final

import trio

from legato.actors.jobs import remove_conversation
from legato.config import OnBusy
from legato.models.contract import (
    FinishReport,
    ModelError,
    ModelEvent,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
)
from legato.prove.provider import ProviderConnection
from legato.prove.requests import begin, discard_at, stop_at
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.simulation import CONVERSATIONS, Simulation, kind

BUSY: Final[tuple[OnBusy, ...]] = ("interrupt", "interrupt", "enqueue", "reject")


async def start(sim: Simulation, place: int, conversation: int, busy: int, request: int) -> None:
    """Start a job; for the `request` numbers 0 and 1 without a request id."""
    request_id = (None, None, "r1", "r2")[request]
    begin(sim, place, nth(CONVERSATIONS, max(0, conversation - 1)), nth(BUSY, busy), request_id)


async def start_twice(sim: Simulation, place: int, other: int, request: int, busy: int) -> None:
    """A client without an answer asks a second replica."""
    request_id = nth(("r3", "r4"), request)
    for each in (place, other):
        begin(sim, each, CONVERSATIONS[0], nth(BUSY, busy), request_id)


async def say(sim: Simulation, place: int, what: int, times: int) -> None:
    if (connection := sim.connection(place)) is not None:
        words = f"the provider says {nth(SAID, what)} in {_name(sim, connection)}"
        sim.model.step(words + (f", {times + 1} times" if times else ""))
        connection.play([_chunk(sim.provider.word(), what) for _ in range(times + 1)])


SAID: Final = ("text", "text with line breaks", "thoughts", "a tool's call")


def _chunk(word: str, what: int) -> ModelEvent:
    chunks = (TextChunk(word), TextChunk(f"\n\n{word}"), ReasoningChunk(word))
    return chunks[what] if what < len(chunks) else ToolCallChunk(1, "call_1", "search", "{}")


async def say_a_lot(sim: Simulation, place: int) -> None:
    """More than a page of text."""
    if (connection := sim.connection(place)) is not None:
        sim.model.step(f"the provider says 144 KB in {_name(sim, connection)}")
        lines = [sim.provider.word() + "lorem ipsum " * 1000 for _ in range(12)]
        connection.play([TextChunk(line) for line in lines])


async def finish(sim: Simulation, place: int) -> None:
    if (connection := sim.connection(place)) is not None:
        sim.model.step(f"the provider finishes {_name(sim, connection)}")
        connection.play([FinishReport("stop")])


async def fail(sim: Simulation, place: int) -> None:
    if (connection := sim.connection(place)) is not None:
        sim.model.step(f"the provider fails in {_name(sim, connection)}")
        connection.play(ModelError("provider_error", "The provider fell over."))


def _name(sim: Simulation, connection: ProviderConnection) -> str:
    return sim.model.name(connection.job_id)


async def stop(sim: Simulation, job: int, place: int) -> None:
    if (known := sim.job(job)) is not None:
        seat = sim.open_seat(place)
        sim.model.step(f"{known.name} is stopped at {sim.name(seat)}")
        stop_at(sim, known, seat)


async def stop_twice(sim: Simulation, job: int, place: int, other: int) -> None:
    if (known := sim.job(job)) is not None:
        seats = sim.open_seat(place), sim.open_seat(other)
        sim.model.step(f"{known.name} is stopped at {' and '.join(map(sim.name, seats))}")
        for seat in seats:
            stop_at(sim, known, seat)


async def status(sim: Simulation, job: int, place: int) -> None:
    known, seat = sim.job(job), sim.open_seat(place)
    if known is None:
        return
    sim.model.step(f"{sim.name(seat)} is asked how {known.name} stands")

    async def question() -> None:
        await seat.jobs.active("ann")
        found = await seat.jobs.whereis("ann", known.asked.job_id)
        if found is not None and (ending := (await found.status()).ending) is not None:
            sim.model.note(f"{known.name}: its status says {kind(ending)}")
            if not ending.unsaved:
                known.endings.append(ending)

    sim.ask(seat, f"the status of {known.name}", question)


async def delete(sim: Simulation, conversation: int, place: int) -> None:
    """As the route does: stop the conversation's running job, forget the jobs, remove the
    messages."""
    seat, conversation_id = sim.open_seat(place), nth(CONVERSATIONS, conversation)
    sim.model.step(f"conversation {conversation % 2 + 1} is deleted at {sim.name(seat)}")
    sim.model.deletes(conversation_id)
    sim.lost_at = trio.current_time()

    async def remove() -> None:
        await sim.replicas.records.delete_conversation(conversation_id)

    async def question() -> None:
        sim.model.deleting[conversation_id] += 1
        sim.model.deletes(conversation_id)
        try:
            await remove_conversation(seat.jobs, "ann", conversation_id, remove)
        finally:
            sim.model.deleting[conversation_id] -= 1
            sim.model.deletes(conversation_id)
            sim.lost_at = trio.current_time()
        sim.model.note(f"conversation {conversation % 2 + 1} is gone")

    sim.ask(seat, f"the deletion of conversation {conversation % 2 + 1}", question)


async def discard(sim: Simulation, job: int, place: int) -> None:
    if (known := sim.job(job)) is None:
        return
    seat = sim.open_seat(place)
    sim.model.step(f"{known.name} is discarded at {sim.name(seat)}")
    discard_at(sim, known, seat)


async def wait(sim: Simulation, length: int) -> None:
    await _pass(sim, nth((0.0, 0.001, 0.05, 0.5), length))


async def wait_long(sim: Simulation, length: int) -> None:
    await _pass(sim, nth((2.0, 10.0, 15.0), length))


async def _pass(sim: Simulation, seconds: float) -> None:
    sim.model.step(f"{seconds:g} s pass")
    await trio.sleep(seconds)


RULES: Final = (
    Rule("start", 5, (PLACE, 3, 4, 4), start),
    Rule("start twice", 1, (PLACE, PLACE, 2, 4), start_twice),
    Rule("say", 6, (PLACE, 4, 3), say),
    Rule("say a lot", 1, (PLACE,), say_a_lot),
    Rule("finish", 3, (PLACE,), finish),
    Rule("fail", 1, (PLACE,), fail),
    Rule("stop", 3, (PLACE, PLACE), stop),
    Rule("stop twice", 1, (PLACE, PLACE, PLACE), stop_twice),
    Rule("status", 1, (PLACE, PLACE), status),
    Rule("delete", 1, (2, PLACE), delete),
    Rule("discard", 1, (PLACE, PLACE), discard),
    Rule("wait", 4, (4,), wait),
    Rule("wait long", 2, (3,), wait_long),
)
