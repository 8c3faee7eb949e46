"""A turn accepted as queued is asked in its turn, whatever dies or goes before."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.admission import NotStarted
from legato.actors.local_jobs import LocalJobs
from legato.actors.start import start_turn
from legato.events import (
    Created,
    Finished,
    Queued,
    Stopped,
)
from legato.storage.memory.journal import JournalStore
from tests.support.actors import (
    C1,
    C2,
    FlakyJournal,
    FlakyRecords,
    open_house,
)
from tests.support.replicas import LEASE, open_replicas


async def test_a_turn_that_was_accepted_as_queued_outlives_the_process(
    autojump_clock: MockClock,
) -> None:
    journal_store = JournalStore()
    records = FlakyRecords()
    journal = FlakyJournal(journal_store)
    async with open_house(journal=journal, records=records) as first:
        jobs = LocalJobs(first.supervisor)
        await start_turn(first.turn(), "enqueue", jobs=jobs, records=records)
        reply = await start_turn(
            first.turn(text="a long question"), "enqueue", jobs=jobs, records=records
        )
        assert reply.status == "queued"
        await trio.sleep(1)
        journal.close()  # SIGKILL
        async with open_house(journal=FlakyJournal(journal_store), records=records) as second:
            assert reply.generation_id is not None
            found = second.supervisor.whereis(reply.generation_id)
            assert found is not None
            second.model.say("a long answer")
            second.model.finish()
            assert isinstance(await found.ended(), Finished)
            said = [each.text for each in await records.messages(C1) if each.is_created_by_user]
            assert said == ["hello", "a long question"]
        first.supervisor._nursery.cancel_scope.cancel()


async def test_turns_that_were_queued_are_asked_in_their_order_by_whoever_comes_next(
    autojump_clock: MockClock,
) -> None:
    journal_store, records = JournalStore(), FlakyRecords()
    journal = FlakyJournal(journal_store)
    async with open_house(journal=journal, records=records) as first:
        await first.start().opened()
        turns = [first.start("enqueue", text=text) for text in ("one", "two")]
        other = first.start("enqueue", text="three", conversation_id=C2)
        await other.opened()
        for turn in turns:
            assert isinstance(await turn.queued(), Queued)
        journal.close()
        async with open_house(journal=FlakyJournal(journal_store), records=records) as second:
            one, two = (second.supervisor.whereis(turn.job_id) for turn in turns)
            assert one is not None
            assert two is not None
            assert isinstance(await one.opened(), Created)
            assert isinstance(await two.queued(), Queued)
            assert (await two.status()).snapshot.created is None
            second.model.finish()
            await one.ended()
            assert isinstance(await two.opened(), Created)
            second.model.finish()
            await two.ended()
        first.supervisor._nursery.cancel_scope.cancel()


async def test_a_turn_that_is_stopped_before_it_is_kept_is_never_said_to_wait(
    autojump_clock: MockClock,
) -> None:
    """A process that is killed meanwhile would not have it asked."""
    journal = FlakyJournal(JournalStore())
    async with open_house(journal=journal) as house, trio.open_nursery() as nursery:
        await house.start().opened()
        journal.hold()
        queued = house.start("enqueue")
        await wait_all_tasks_blocked()
        nursery.start_soon(queued.stop)
        await wait_all_tasks_blocked()
        with trio.move_on_after(1):
            pytest.fail(f"it was said to wait: {await queued.queued()}")
        journal.release()
        assert isinstance(await queued.queued(), Stopped)


async def test_a_turn_that_cannot_be_kept_is_not_queued(autojump_clock: MockClock) -> None:
    journal = FlakyJournal(JournalStore())
    async with open_house(journal=journal) as house:
        jobs, records = LocalJobs(house.supervisor), house.records
        await start_turn(house.turn(), "enqueue", jobs=jobs, records=records)
        journal.down = True
        with pytest.raises(NotStarted, match="takes nothing"):
            await start_turn(house.turn(), "enqueue", jobs=jobs, records=records)
        journal.down = False


async def test_a_queued_turn_that_is_gone_was_not_started(autojump_clock: MockClock) -> None:
    journal = FlakyJournal(JournalStore())
    async with open_house(journal=journal) as house, trio.open_nursery() as nursery:
        jobs, records = LocalJobs(house.supervisor), house.records
        await start_turn(house.turn(), "enqueue", jobs=jobs, records=records)
        journal.hold()

        async def in_vain() -> None:
            with pytest.raises(NotStarted, match="gone before it began"):
                await start_turn(house.turn(), "enqueue", jobs=jobs, records=records)

        nursery.start_soon(in_vain)
        await wait_all_tasks_blocked()
        [_, waiting] = house.supervisor.registry
        waiting.ownership.leave()
        journal.release()


async def test_turns_that_are_queued_when_the_server_is_told_to_stop_are_asked_by_the_next(
    autojump_clock: MockClock,
) -> None:
    journal_store, records = JournalStore(), FlakyRecords()
    journal = FlakyJournal(journal_store)
    async with open_house(journal=journal, records=records) as first:
        running = first.start()
        await running.opened()
        queued = first.start("enqueue", text="and then?")
        await queued.queued()
    journal.close()
    records.down = False  # the next process has its own connection
    async with open_house(journal=FlakyJournal(journal_store), records=records) as second:
        found = second.supervisor.whereis(queued.job_id)
        assert found is not None
        second.model.say("that")
        second.model.finish()
        assert isinstance(await found.ended(), Finished)


async def test_a_queued_turn_of_a_replica_that_goes_is_asked_at_another(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        running = await here.start()
        await running.opened()
        here.model.say("so far")
        queued = await here.start("enqueue")
        await queued.queued()
        replicas.records.hold()  # to make the leaving take time
        here.leave()
        await trio.sleep(1)
        with trio.move_on_after(1) as waiting:
            await (await there.find(queued.job_id)).status()
        assert waiting.cancelled_caught, "it changes hands: nobody is told that it is not there"
        replicas.records.release()
        await trio.sleep(2 * LEASE)
        there.model.say("well")
        there.model.finish()
        found = await there.find(queued.job_id)
        assert isinstance(await found.ended(), Finished)
