"""An ending stays once said, and an answer is kept once accepted."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from legato.events import (
    Finished,
)
from legato.storage.contracts.errors import StorageError
from legato.storage.memory.journal import JournalStore
from tests.support.actors import (
    C1,
    C2,
    FlakyJournal,
    open_house,
)
from tests.support.replicas import LEASE, open_replicas, supervisor_at


async def test_a_finished_answer_stays_where_the_shared_journal_lost_its_end(
    autojump_clock: MockClock,
) -> None:
    """A failover loses the last second of writes, but no sign of life; then the owner dies."""
    async with open_replicas() as replicas:
        here, _there = replicas.seats
        job = await here.start()
        await job.opened()
        here.model.say("a whole answer")
        await trio.sleep(1)
        here.model.finish()
        await job.ended()
        await trio.sleep(1)
        stored_log = replicas.world.stored_logs[job.job_id]
        stored_log.entries = [
            each for each in stored_log.entries if not isinstance(each.events[-1], Finished)
        ]
        stored_log.marked_done = False
        replicas.world.stages[job.job_id] = "begun"
        before = await replicas.records.messages(C1)
        here.kill()
        await trio.sleep(5 * LEASE)
        after = await replicas.records.messages(C1)
        assert [m.content for m in after] == [m.content for m in before]
        assert [m.unfinished for m in after] == [m.unfinished for m in before]


async def test_an_answer_that_is_stored_is_not_said_to_be_unsaved(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_replicas(store_timeout=3) as replicas:
        here, _ = replicas.seats
        job = await here.start()
        await job.opened()
        here.model.say("hi")
        await trio.sleep(1)

        async def out_of_reach(job_ids: Any) -> None:
            raise StorageError("away")

        monkeypatch.setattr(here.replication.journal, "mark_done", out_of_reach)
        here.model.finish()
        ending = await job.ended()
        stored = [each.message_id for each in await replicas.records.messages(C1)]
        assert ending.response is not None
        assert (ending.response.message_id in stored) != ending.unsaved


async def test_an_answer_that_could_not_be_stored_in_time_is_stored_when_it_can_be(
    autojump_clock: MockClock,
) -> None:
    journal_store = JournalStore()
    async with open_house(
        journal=FlakyJournal(journal_store), store_timeout=3, retention=60
    ) as house:
        job = house.start()
        await job.opened()
        house.model.say("a long answer")
        await trio.sleep(1)
        house.records.down = True
        house.model.finish()
        assert (await job.ended()).unsaved
        await trio.sleep(600)
        house.records.down = False
        await trio.sleep(600)
        stored = await house.records.messages(C1)
        assert [each.is_created_by_user for each in stored] == [
            True,
            False,
        ] or journal_store.stored_logs


async def test_an_unsaved_answer_is_not_let_go_of_to_make_room(autojump_clock: MockClock) -> None:
    async with open_house(store_timeout=3, max_retained_bytes=1) as house:
        job = house.start()
        await job.opened()
        house.model.say("a long answer")
        await trio.sleep(1)
        house.records.down = True
        house.model.finish()
        assert (await job.ended()).unsaved
        other = house.start(conversation_id=C2)
        await other.ended()
        assert house.supervisor.registry.find(job.job_id) is not None
        house.records.down = False
        await trio.sleep(60)
        assert [each.is_created_by_user for each in await house.records.messages(C1)] == [
            *(True, False)
        ]


async def test_what_a_former_job_had_to_say_is_not_taken_for_the_next_ones(
    autojump_clock: MockClock,
) -> None:
    """The job came back to its first owner, which had not heard of the owner in between."""
    async with open_replicas(on_owner_lost="continue") as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        here.replication.away = True
        here.model.say("never kept")
        replicas.records.down = True  # the ending comes to nothing there
        await trio.sleep(1.2 * LEASE)
        there.kill()
        replicas.records.down = False
        here.replication.away = False
        await trio.sleep(2 * LEASE)
        found = supervisor_at(here).registry.find(job.job_id)
        assert found is not None
        assert found.feed.epoch == 3
        await found.ref.stop()
