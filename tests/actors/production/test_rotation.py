"""Producers with much to say go on in rounds, and everybody else goes on between."""

from collections.abc import Iterator
from itertools import pairwise

import trio
from trio.testing import MockClock

from legato.actors.lifespan import open_supervisor
from legato.actors.production.rotation import MUCH, Rotation
from legato.actors.resources import JobResources
from legato.config import Limits
from legato.dialects.librechat import LibreChat
from legato.models.scripted import _LONGEST_BATCH, ScriptedModel
from legato.prove.records import FaultyRecords
from tests.support.actors import House

GREEDY = 8
ROUNDS = 200


def greedy(house: House) -> Iterator[str]:
    for number in range(GREEDY):
        asked = {"rate": 0, "tokens": 10_000_000}
        yield house.start(conversation_id=f"c{number}", model="fast", parameters=asked).job_id


async def test_in_a_round_of_the_loop_one_of_them_says_much(autojump_clock: MockClock) -> None:
    async with open_supervisor(
        JobResources(
            records=FaultyRecords(),
            models={"fast": ScriptedModel("fast")},
            dialects={"librechat": LibreChat},
            limits=Limits(),
        )
    ) as supervisor:
        house = House(supervisor, None, None)  # type: ignore[arg-type]  # neither is played
        job_ids = [*greedy(house)]
        jobs = [job for each in job_ids if (job := supervisor.registry.find(each))]
        said = []
        for _ in range(ROUNDS):
            await trio.lowlevel.checkpoint()
            said.append(sum(job.feed.log.tail for job in jobs))

    rounds = [after - before for before, after in pairwise(said)]
    assert max(rounds[20:]) <= 2 * _LONGEST_BATCH + GREEDY
    shares = [job.feed.log.tail for job in jobs]
    assert min(shares) > sum(shares) / GREEDY / 2


async def test_who_says_little_waits_for_nobody(autojump_clock: MockClock) -> None:
    rotation, said = Rotation(), []

    async def say(name: str, much: int) -> None:
        for _ in range(3):
            await rotation.go_round(much)
            said.append(name)

    async with trio.open_nursery() as nursery:
        for name in ("a", "b", "c"):
            nursery.start_soon(say, name, MUCH)
        await rotation.go_round(MUCH - 1)
        said.append("little")

    assert said[0] == "little"
    assert [sorted(said[at : at + 3]) for at in (1, 4, 7)] == [["a", "b", "c"]] * 3


async def test_who_is_stopped_in_the_line_holds_nobody_up(autojump_clock: MockClock) -> None:
    rotation = Rotation()
    with trio.CancelScope() as stopped:
        stopped.cancel()
        await rotation.go_round(MUCH)
    await rotation.go_round(MUCH)
