"""The end of a simulation: faults cease, the cluster comes to rest, everything is compared."""

from collections.abc import Mapping
from typing import Any, Final

import trio

from legato.prove.answering import allow_all
from legato.prove.comparison import Comparison
from legato.prove.exemptions import GRACE
from legato.prove.model import RETENTION
from legato.prove.requests import read
from legato.prove.simulation import CONVERSATIONS, Simulation

REST: Final = 100.0
"""Seconds in which all comes to rest once all faults are over."""

LEFT: Final = 30.0  # seconds after the retention until nothing is left

TASKS: Final = 15  # of a replica without jobs; one task more for each further replica

NOTED: Final = 3.0  # seconds after an ending until all notes of it are made


async def come_to_rest(sim: Simulation) -> None:
    """Run without faults until nothing runs and every reader has an ending."""
    sim.model.note("all faults are over")
    for seat in sim.open_seats():
        sim.come_back(seat)
    for seat in sim.replicas.seats:
        seat.replication.heal()
    sim.replicas.records.heal()
    await trio.sleep(GRACE)
    for known in sim.model.jobs:
        if not sim.model.is_deleted(known):
            read(sim, known, "beginning", sim.open_seat(known.asked.number))
    with trio.move_on_after(REST):
        while not _is_over(sim):
            sim.provider.finish_all()
            sim.tools.answer_all()
            allow_all(sim)
            _read_next_turns(sim)
            await trio.sleep(0.5)
    for reader in sim.readers:
        if not reader.is_done:
            name = sim.model.name(reader.job_id)
            sim.model.breach("ending", f"{reader.name} of {name} has no ending after {REST:g} s")
            reader.give_up()
    await trio.sleep(NOTED)


def _read_next_turns(sim: Simulation) -> None:
    """Have somebody read each turn that a steer has become meanwhile."""
    for known in sim.next_turns.hear():
        read(sim, known, "beginning", sim.open_seat(known.asked.number))


def _is_over(sim: Simulation) -> bool:
    """Nothing runs or is being started, and nobody waits."""
    runs = {"waiting", "begun"} & set(sim.replicas.world.stages.values())
    return not runs and not sim.questions and all(reader.is_done for reader in sim.readers)


async def compare(sim: Simulation) -> None:
    """Check everything that clients saw against each job's only history."""
    for seat in sim.open_seats():
        if list(await seat.jobs.active("ann")):
            sim.model.breach("active", f"at {sim.name(seat)} a job is active after all have ended")
    if sim.provider.connections:
        names = ", ".join(sim.model.name(each.job_id) for each in sim.provider.connections)
        sim.model.breach("connections", f"the provider still has connections for {names}")
    if sim.tools.open:
        calls = ", ".join(each.call_id for each in sim.tools.open)
        sim.model.breach("tools", f"tools still run after all have ended: {calls}")
    _compare_requests(sim)
    sim.queue.compare(sim.provider)
    for known in sim.model.jobs:
        if sim.model.is_deleted(known):
            Comparison(sim, known).compare_endings()
        else:
            await Comparison(sim, known).run()
    if not sim.has_lost:
        for conversation in CONVERSATIONS:
            messages = await sim.replicas.records.messages(conversation)
            sim.next_turns.compare(sim.provider, conversation, messages)


async def outlast(sim: Simulation) -> None:
    """Check that nothing is left once the retention is over."""
    await trio.sleep(RETENTION + LEFT)
    world = sim.replicas.world
    kept: Mapping[str, Mapping[Any, object]] = {
        "journal": world.stored_logs,
        "directory": world.infos,
        "requests": world.requests,
    }
    for name, things in kept.items():
        if things:
            words = f"{len(things)} are left in the {name} after their retention"
            sim.model.breach("left", words)
    if jobs := sum(len(seat.replica.supervisor.job_ids()) for seat in sim.open_seats()):
        sim.model.breach("left", f"{jobs} jobs are left in the replicas after their retention")
    most = TASKS * len(sim.open_seats()) + len(sim.open_seats()) * len(sim.replicas.seats)
    if (living := trio.lowlevel.current_statistics().tasks_living) > most:
        sim.model.breach("left", f"{living} tasks are left, where {most} would do")


def _compare_requests(sim: Simulation) -> None:
    """A repeated request never makes a second generation."""
    begun: dict[str, str] = {}
    for each in sim.provider.former:
        request_id = sim.model.asked[each.job_id].request_id
        if request_id is None or sim.model.is_freed(request_id):
            continue
        if begun.setdefault(request_id, each.job_id) != each.job_id:
            names = f"{sim.model.name(begun[request_id])} and {sim.model.name(each.job_id)}"
            sim.model.breach("request", f"request {request_id} has two generations, {names}")
