"""Stop against everything else that may happen at that moment."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.messages import StopReply
from legato.events import Created, Ending, Failed, Finished, Stopped
from tests.actors.test_job import ending_of
from tests.actors.test_promise import Reader
from tests.support.actors import House, open_house
from tests.support.reading import checkpoints, following, frames, releasing


def test_stop_races_finish() -> None:
    """Elsewhere a stop that met the end gave two endings, or a reply that neither had seen."""
    outcomes = set[type[Ending]]()

    @settings(max_examples=200, deadline=None)
    @given(st.data(), st.random_module())
    def explore(data: st.DataObject, random: object) -> None:
        race = partial(run_race, data.draw)
        outcomes.add(trio.run(race, clock=MockClock(autojump_threshold=0)))

    explore()
    assert outcomes == {Finished, Failed, Stopped}, "the race was never lost, or never won"


async def run_race(draw: Callable[..., Any]) -> type[Ending]:
    """Run two stops, the model's end, readers and a disk that hangs into each other."""
    begun, fails = draw(st.booleans()), draw(st.booleans())
    order = draw(st.permutations(range(7)))
    turns = draw(st.tuples(st.integers(0, 6), *[st.integers(0, 30)] * 6))  # the end has a way to go
    stops: list[StopReply] = []

    async def stop() -> None:
        reply = await job.stop()
        response = reply.ending.response
        assert house.model.open_connections == 0
        assert response is None or reply.ending.unsaved or response in house.records.closed
        stops.append(reply)

    with trio.fail_after(300):  # of the mock clock
        async with open_house() as house:
            job = house.start()
            if begun:
                await job.opened()
            house.model.say("half")
            readers = [Reader(job, start) for start in ("beginning", "snapshot", "beginning")]
            end = house.model.fail if fails else house.model.finish
            racers = [at_once(end), stop, stop, at_once(house.records.hold)]
            racers += [reader.run for reader in readers]
            with releasing(house):
                async with trio.open_nursery() as nursery:
                    for racer in order:
                        nursery.start_soon(late, turns[racer], racers[racer])
                    await wait_all_tasks_blocked()
                    house.records.release()
            return await check_race(house, readers, stops)


def at_once(act: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    async def acting() -> None:
        act()

    return acting


async def late(turns: int, act: Callable[[], Awaitable[None]]) -> None:
    await checkpoints(turns)
    await act()


async def check_race(house: House, readers: list[Reader], stops: list[StopReply]) -> type[Ending]:
    [job] = house.supervisor.registry
    ending = job.feed.ending
    whole = await frames(job.ref)

    assert ending is not None
    assert sum(b'"final":true' in frame for frame in whole) == 1
    assert [reader.client.terminal for reader in readers] == [whole[-1].removesuffix(b"\n\n")] * 3
    assert (b'"aborted":true' in whole[-1]) is isinstance(ending, Stopped)
    assert [reply.ending for reply in stops] == [ending] * 2
    assert any(not reply.already_ended for reply in stops) is isinstance(ending, Stopped)
    if ending.response is not None:
        assert ending.response.unfinished is not isinstance(ending, Finished)
    assert house.records.closed == ([] if ending.response is None else [ending.response])
    return type(ending)


@pytest.mark.parametrize("begun", [False, True])
async def test_stop_before_start(autojump_clock: MockClock, begun: bool) -> None:
    """Elsewhere a stop that came before the provider was asked was lost, or waited for ever."""
    replies: list[StopReply] = []
    async with open_house() as house:
        house.records.hold()
        job = house.start()

        async def stop() -> None:
            replies.append(await job.stop())

        async with following(job, "beginning", "snapshot") as readers:
            if begun:  # else the stop comes before the job had its first turn
                await wait_all_tasks_blocked()
            async with trio.open_nursery() as nursery:
                with releasing(house):
                    nursery.start_soon(stop)
                    await wait_all_tasks_blocked()

        assert house.model.requests == []
        assert [(type(reply.ending), reply.already_ended) for reply in replies] == [
            (Stopped, False)
        ]
        # A write that has begun is brought to its end: then there is a question without an answer.
        opened = await job.opened()
        assert isinstance(opened, Created) if begun else opened == replies[0].ending
        assert [reader.client.frames[-1]["aborted"] for reader in readers] == [True, True]
        assert house.records.closed == []


async def test_stop_while_queued(autojump_clock: MockClock) -> None:
    """Elsewhere a queued generation could not be cancelled: it stuck, or ran all the same."""
    async with open_house() as house:
        running = house.start()
        await running.opened()
        queued, next_one = house.start("enqueue"), house.start("enqueue")
        async with following(queued, "beginning", "snapshot") as readers:
            await wait_all_tasks_blocked()
            reply = await queued.stop()

        assert isinstance(reply.ending, Stopped)
        assert not reply.already_ended
        assert [reader.client.frames[-1]["earlyAbort"] for reader in readers] == [True, True]
        assert len(house.model.requests) == 1, "the one that runs goes on"
        house.model.finish()
        assert isinstance(await ending_of(running), Finished)
        house.model.finish()
        assert isinstance(await ending_of(next_one), Finished)
        assert len(house.model.requests) == 2
