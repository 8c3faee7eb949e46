"""Everything waiting, written or kept is bounded."""

from contextlib import suppress
from typing import Any

import trio
from trio.testing import MockClock

from legato.actors.admission import StartRefused
from legato.models.contract import TextChunk
from legato.storage.contracts.errors import StorageError
from tests.support.actors import (
    open_house,
)
from tests.support.replicas import open_replicas, supervisor_at


async def test_what_is_told_again_is_told_in_pieces(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, _ = replicas.seats
        for n in range(20):
            job = await here.start(conversation_id=f"c{n}")
            await job.opened()
            here.model.play(*[TextChunk("word")] * 5000)
            here.model.finish()
            await job.ended()
        await trio.sleep(2)
        largest = 0
        append = here.replication.journal.append

        async def noted(batch: Any) -> Any:
            nonlocal largest
            largest = max(largest, sum(len(each.events) for each in batch))
            return await append(batch)

        here.replication.journal.append = noted  # type: ignore[method-assign]
        replicas.world.forget_everything()
        await trio.sleep(5)
        assert largest < 20_000


async def test_a_process_has_no_more_jobs_than_it_may(autojump_clock: MockClock) -> None:
    async with open_replicas(max_running_jobs=1) as replicas, trio.open_nursery() as nursery:
        here, _ = replicas.seats
        here.replication.pause = 0.1

        async def begin(n: int) -> None:
            with suppress(StartRefused):
                await here.start(conversation_id=f"c{n}")

        for n in range(5):
            nursery.start_soon(begin, n)
        await trio.sleep(5)
        assert supervisor_at(here).registry.running_count() <= 1


async def test_starts_during_an_outage_leave_no_task_each(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, _ = replicas.seats
        here.replication.away = True
        before = trio.lowlevel.current_statistics().tasks_living
        for n in range(200):
            with suppress(StorageError):
                await here.start(conversation_id=f"c{n}")
        after = trio.lowlevel.current_statistics().tasks_living
        assert after - before < 50


async def test_who_asked_and_left_is_not_kept_to_the_end(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        for _ in range(200):
            with trio.move_on_after(0.01):
                await job.ended()
        house.model.say("hi")
        await trio.sleep(1)
        assert len(house.job(job)._waiters) < 50
