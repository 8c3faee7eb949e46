"""Storage failing, lying, hanging, forgetting and failing over, and packets lost."""

from collections.abc import Callable
from typing import Final

import trio

from legato.prove.exemptions import Exemption
from legato.prove.leaving import tell_to_go
from legato.prove.rules.jobs import say
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.simulation import Simulation
from legato.prove.world import Faulty

PAUSES: Final = (0.01, 0.1, 0.3)
LATE: Final = (0.05, 1.0, 4.0)
HANGS: Final = (1.0, 8.0, 30.0)
SAYING: Final = 0.1  # seconds between two words

TURNS: Final = 60  # of the loop, in which a replica without running jobs has left

BEHIND: Final = (0.05, 0.5, 2.0)
"""Seconds by which a standby may be behind the failing storage."""


def counted(name: str, most: int, words: str, set_to: Callable[[Faulty, int], None]) -> Rule:
    """A rule that sets a fault of a replica's access to the shared storage."""

    async def play(sim: Simulation, place: int, count: int) -> None:
        await sim.reannounced()
        seat = sim.open_seat(place)
        sim.model.step(words.format(count + 1, sim.name(seat)))
        set_to(seat.replication, count + 1)

    return Rule(name, 1, (PLACE, most), play)


def _lose(faulty: Faulty, count: int) -> None:
    faulty.loses = count


def _double(faulty: Faulty, count: int) -> None:
    faulty.doubles = count


def _fail(faulty: Faulty, count: int) -> None:
    faulty.fails = count


def _hang(faulty: Faulty, count: int) -> None:
    faulty.hangs = count


def _lie(faulty: Faulty, count: int) -> None:
    faulty.lies = count


async def be_late(sim: Simulation, place: int, length: int) -> None:
    seat, seconds = sim.open_seat(place), nth(LATE, length)
    sim.model.step(f"packets to {sim.name(seat)} take {seconds:g} s from now on")
    seat.replication.lags = seconds


async def be_slow(sim: Simulation, place: int, length: int) -> None:
    seat, seconds = sim.open_seat(place), nth(PAUSES, length)
    sim.model.step(f"the shared storage takes {seconds:g} s for {sim.name(seat)} from now on")
    seat.replication.pause = seconds


async def be_fast(sim: Simulation) -> None:
    sim.model.step("the shared storage and the network are fast again")
    for seat in sim.replicas.seats:
        seat.replication.pause = seat.replication.lags = 0.0


async def forget(sim: Simulation) -> None:
    await trio.sleep(2)  # a start under decision is not known yet
    if not sim.exempts(Exemption.ALL_IN_REACH) or _knows_all(sim):
        sim.model.step("the shared storage forgets everything")
        sim.replicas.world.forget_everything()
        sim.forgets()


async def forget_while_leaving(sim: Simulation, place: int, turns: int) -> None:
    """The loss comes some turns of the loop after the replica is told to go, and before the replica
    is gone."""
    await trio.sleep(2)
    if len(sim.open_seats()) < 2 or not _knows_all(sim):
        return
    seat = sim.open_seat(place)
    if sim.in_trouble(seat):
        return
    sim.model.step(
        f"{sim.name(seat)} is told to go; the shared storage forgets everything meanwhile"
    )
    tell_to_go(sim, seat)
    for _ in range(turns):
        await trio.lowlevel.checkpoint()
    if not seat.replication.has_left:
        sim.replicas.world.forget_everything()
        sim.forgets()


def _knows_all(sim: Simulation) -> bool:
    """Whether every job in the shared storage is known to a replica in reach."""
    there = {
        (seat.replication.me, job_id)
        for seat in sim.open_seats()
        if sim.in_reach(seat)
        for job_id in seat.replica.supervisor.job_ids()
    }
    stored_logs = sim.replicas.world.stored_logs.items()
    all_here = all(sim.in_reach(each) and not each.replication.hangs for each in sim.open_seats())
    return all_here and {(stored_log.owner, job_id) for job_id, stored_log in stored_logs} <= there


async def fail_over(sim: Simulation, length: int, says: int) -> None:
    """Fail over, with words of models before, which may be lost, and after."""
    seconds = nth(BEHIND, length)
    if sim.exempts(Exemption.ALL_IN_REACH) and not sim.all_there(seconds):
        return
    for number in range(says):
        await say(sim, number, number, 0)
        await trio.sleep(SAYING)
    sim.model.step(f"the shared storage fails over, and loses its last {seconds:g} s")
    sim.replicas.world.fail_over(seconds)
    sim.forgets()
    if says:
        await say(sim, says, 0, 0)


async def records_fail(sim: Simulation, count: int) -> None:
    sim.model.step(f"the next {count + 1} calls of the database fail")
    sim.replicas.records.fails = count + 1


async def records_lie(sim: Simulation, count: int) -> None:
    sim.model.step(f"the next {count + 1} writes of the database are done and reported as failed")
    sim.replicas.records.lies = count + 1


async def records_are_slow(sim: Simulation, length: int) -> None:
    seconds = nth(LATE, length)
    sim.model.step(f"the database takes {seconds:g} s to write from now on")
    sim.replicas.records.pause = seconds


async def records_hang(sim: Simulation, length: int) -> None:
    seconds = nth(HANGS, length)
    sim.model.step(f"the database does not answer for {seconds:g} s")
    sim.replicas.records.hold()
    sim.nursery.start_soon(_release, sim, seconds)


async def _release(sim: Simulation, seconds: float) -> None:
    await trio.sleep(seconds)
    sim.replicas.records.release()


async def records_recover(sim: Simulation) -> None:
    sim.model.step("the database works again")
    sim.replicas.records.heal()


RULES: Final = (
    counted("lose packets", 5, "the next {} packets of {} are lost", _lose),
    counted("double packets", 5, "the next {} packets of {} arrive twice", _double),
    counted("fail calls", 5, "the next {} calls of {} to the shared storage fail", _fail),
    counted("hang calls", 3, "the next {} calls of {} to the shared storage hang", _hang),
    counted("lie", 3, "the next {} calls of {} are done and reported as failed", _lie),
    Rule("be late", 1, (PLACE, len(LATE)), be_late),
    Rule("be slow", 1, (PLACE, len(PAUSES)), be_slow),
    Rule("be fast", 1, (), be_fast),
    Rule("forget", 1, (), forget),
    Rule("forget while leaving", 1, (PLACE, TURNS), forget_while_leaving),
    Rule("fail over", 1, (len(BEHIND), 4), fail_over),
    Rule("records fail", 1, (3,), records_fail),
    Rule("records lie", 1, (2,), records_lie),
    Rule("records slow", 1, (len(LATE),), records_are_slow),
    Rule("records hang", 1, (len(HANGS),), records_hang),
    Rule("records recover", 1, (), records_recover),
)
