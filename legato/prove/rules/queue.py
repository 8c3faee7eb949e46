"""Waiting turns listed, cancelled, edited, moved to the front and sent now."""

from typing import Final

import trio

from legato.actors.queue.questions import NotWaiting, Waiting
from legato.actors.queueing import live_turns, send_now
from legato.actors.ref import JobRef
from legato.prove.model import KnownJob
from legato.prove.requests import begin
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.seats import Seat
from legato.prove.simulation import CONVERSATIONS, Simulation, kind
from legato.prove.witnesses.queue import Listing, Move

CHANGES: Final = ("", "m1", "m2")
"""Names that clients give to changes."""


async def enqueue(sim: Simulation, place: int, count: int) -> None:
    """Several turns for one conversation, all to wait."""
    for number in range(count + 2):
        begin(sim, place + number, CONVERSATIONS[0], "enqueue", None)
        await trio.sleep(0.05)


async def cancel(sim: Simulation, job: int, place: int) -> None:
    if (known := _queued(sim, job)) is None:
        return
    seat = sim.open_seat(place)
    sim.model.step(f"{known.name} is to be cancelled at {sim.name(seat)}")

    async def question() -> None:
        if (found := await _found(known, seat)) is None:
            return
        answer = await found.cancel()
        if isinstance(answer, NotWaiting):
            sim.model.note(f"{known.name} is not cancelled: {answer.standing}")
        elif answer.ending.request is None and not answer.ending.unsaved:
            sim.model.note(f"{known.name} is cancelled: {kind(answer.ending)}")
            known.endings.append(answer.ending)
            sim.queue.cancelled(known.asked.job_id)

    sim.ask(seat, f"the cancelling of {known.name}", question)


async def edit(sim: Simulation, job: int, place: int, change: int) -> None:
    if (known := _queued(sim, job)) is None:
        return
    seat, change_id = sim.open_seat(place), f"e{change}"
    text = f"question {known.asked.number}, changed"
    sim.model.step(f"{known.name} is edited at {sim.name(seat)} as {change_id}")

    async def question() -> None:
        if (found := await _found(known, seat)) is None:
            return
        sim.queue.edits(known.asked.job_id, text)
        answer = await found.edit(text, change_id)
        if _changed(sim, known, change_id, answer) and isinstance(answer, Waiting):
            sim.queue.edited(known.asked.job_id)

    sim.ask(seat, f"the edit of {known.name}", question)


async def move(sim: Simulation, job: int, place: int, change: int) -> None:
    await _move(sim, job, place, change, is_now=False)


async def now(sim: Simulation, job: int, place: int, change: int) -> None:
    await _move(sim, job, place, change, is_now=True)


async def _move(sim: Simulation, job: int, place: int, change: int, *, is_now: bool) -> None:
    if (known := _queued(sim, job)) is None:
        return
    seat, change_id = sim.open_seat(place), nth(CHANGES, change)
    words = "sent now" if is_now else "moved to the front"
    sim.model.step(f"{known.name} is {words} at {sim.name(seat)} as {change_id or 'one change'}")

    async def question() -> None:
        if (found := await _found(known, seat)) is None:
            return
        made = Move(known.asked.job_id)
        sim.queue.moves.append(made)
        if is_now:
            answer = await send_now(seat.jobs, found, change_id)
        else:
            answer = await found.move_to_front(change_id)
        if _changed(sim, known, change_id, answer):
            made.replied = trio.current_time()
            await _list(sim, known.asked.conversation, seat)

    sim.ask(seat, f"the move of {known.name}", question)


def _changed(
    sim: Simulation, known: KnownJob, change_id: str, answer: Waiting | NotWaiting
) -> bool:
    """Whether the outcome of a change is certain."""
    if isinstance(answer, Waiting):
        sim.model.note(f"{known.name} is changed, at {answer.cursor.seq}, to rank {answer.rank}")
        sim.queue.changed(known.asked.job_id, change_id, answer)
        return True
    sim.model.note(f"{known.name} is not changed: {answer.reason}")
    return answer.reason != "unavailable"


async def listing(sim: Simulation, conversation: int, place: int) -> None:
    conversation_id, seat = nth(CONVERSATIONS, conversation), sim.open_seat(place)
    sim.model.step(f"{sim.name(seat)} lists what waits in conversation {conversation % 2 + 1}")

    async def question() -> None:
        await _list(sim, conversation_id, seat)

    sim.ask(seat, f"the queue of conversation {conversation % 2 + 1}", question)


async def _list(sim: Simulation, conversation_id: str, seat: Seat) -> None:
    asked = trio.current_time()
    turns = (await live_turns(await seat.jobs.unended("ann", conversation_id))).queue
    job_ids = [each.job.job_id for each in turns]
    names = ", ".join(map(sim.model.name, job_ids)) or "nothing"
    sim.model.note(
        f"what waits in conversation {CONVERSATIONS.index(conversation_id) + 1}: {names}"
    )
    if all(map(sim.in_reach, sim.open_seats())):  # a former owner that is back tells old news
        # A turn that begins now, and does not know yet, is listed: its place says nothing any more.
        waiting = [each for each in job_ids if each in sim.replicas.world.ranks]
        sim.queue.listings.append(Listing(waiting, asked))


def _queued(sim: Simulation, number: int) -> KnownJob | None:
    """A job of which a client was told that the turn waits."""
    jobs = [
        each
        for each in sim.model.jobs
        if each.asked.follows or any(reply.status == "queued" for reply in each.replies)
    ]
    return nth(jobs, number) if jobs else None


async def _found(known: KnownJob, seat: Seat) -> JobRef | None:
    return await seat.jobs.whereis("ann", known.asked.job_id)


RULES: Final = (
    Rule("enqueue", 3, (PLACE, 3), enqueue),
    Rule("cancel", 1, (PLACE, PLACE), cancel),
    Rule("edit", 1, (PLACE, PLACE, 2), edit),
    Rule("to front", 3, (PLACE, PLACE, 3), move),
    Rule("now", 1, (PLACE, PLACE, 3), now),
    Rule("list", 2, (2, PLACE), listing),
)
