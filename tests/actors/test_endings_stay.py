"""An ending that was said stays, and an answer that was accepted is kept."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.jobs import Alone
from legato.actors.starting import NotStarted, start_turn
from legato.events import (
    Created,
    Failed,
    Finished,
    Queued,
)
from legato.models.contract import TextChunk
from legato.storage.contract import StorageError
from legato.storage.memory_journal import Shelf
from tests.actors.kit import (
    C1,
    C2,
    FlakyJournal,
    FlakyRecords,
    open_house,
)
from tests.actors.provider import ProvidedModel, Provider
from tests.actors.replicas import LEASE, open_replicas


async def test_an_answer_that_went_through_four_deaths_is_whole(
    autojump_clock: MockClock,
) -> None:
    provider = Provider()
    async with open_replicas(
        count=2,
        on_owner_lost="continue",
        model=lambda me: ProvidedModel(provider, me),
        retention=600,
    ) as replicas:
        job = await replicas.seats[0].start(parameters={"job": "j", "conversation": C1})
        await trio.sleep(1)
        for word in ("one ", "two ", "three ", "four "):
            provider.say("j", TextChunk(word))
            await trio.sleep(1)
            [connection] = provider.connections
            [owner] = [s for s in replicas.seats if s.replication.me == connection.replica]
            await replicas.open()
            await trio.sleep(LEASE)
            owner.kill()
            await trio.sleep(3 * LEASE)
        provider.say("j", TextChunk("five"))
        await trio.sleep(1)
        provider.finish_all()
        await trio.sleep(1)
        alive = next(seat for seat in replicas.seats if seat.is_open)
        status = await (await alive.find(job.job_id)).status()
        text = "".join(getattr(part, "text", "") for part in status.snapshot.content)
        assert (text, type(status.ending)) == ("one two three four five", Finished), status.ending


async def test_a_finished_answer_stays_where_the_shared_journal_lost_its_end(
    autojump_clock: MockClock,
) -> None:
    """A failover that loses the last second of writes, but no sign of life; then the owner dies."""
    async with open_replicas() as replicas:
        here, _there = replicas.seats
        job = await here.start()
        await job.opened()
        here.model.say("a whole answer")
        await trio.sleep(1)
        here.model.finish()
        await job.ended()
        await trio.sleep(1)
        volume = replicas.world.volumes[job.job_id]
        volume.entries = [
            each for each in volume.entries if not isinstance(each.events[-1], Finished)
        ]
        volume.settled = False
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

        monkeypatch.setattr(here.replication.journal, "settle", out_of_reach)
        here.model.finish()
        ending = await job.ended()
        stored = [each.message_id for each in await replicas.records.messages(C1)]
        assert ending.response is not None
        assert (ending.response.message_id in stored) != ending.unsaved


async def test_an_answer_that_could_not_be_stored_in_time_is_stored_when_it_can_be(
    autojump_clock: MockClock,
) -> None:
    shelf = Shelf()
    async with open_house(journal=FlakyJournal(shelf), store_timeout=3, retention=60) as house:
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
        assert [each.is_created_by_user for each in stored] == [True, False] or shelf.volumes


async def test_an_owner_that_was_away_for_longer_than_the_retention_ends_nothing_twice(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(retention=60, model_idle_timeout=10_000) as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        here.model.say("half")
        await trio.sleep(1)
        here.replication.away = True
        await trio.sleep(3 * LEASE)
        heir = await there.find(job.job_id)
        first = await heir.ended()
        assert isinstance(first, Failed)
        stored = await replicas.records.messages(C1)
        await trio.sleep(300)  # the heir has let go of it
        again = await there.start(message_id="again", response_id="other")
        await again.opened()
        here.replication.away = False
        await trio.sleep(10)
        here.model.say(" and all")
        here.model.finish()
        await trio.sleep(10)
        after = await replicas.records.messages(C1)
        assert [m.content for m in after[:2]] == [m.content for m in stored]
        assert here.replica.supervisor.registry.find(job.job_id) is None


async def test_a_turn_that_was_accepted_as_queued_outlives_the_process(
    autojump_clock: MockClock,
) -> None:
    shelf = Shelf()
    records = FlakyRecords()
    journal = FlakyJournal(shelf)
    async with open_house(journal=journal, records=records) as first:
        jobs = Alone(first.supervisor)
        await start_turn(first.turn(), "enqueue", jobs=jobs, records=records)
        reply = await start_turn(
            first.turn(text="a long question"), "enqueue", jobs=jobs, records=records
        )
        assert reply.status == "queued"
        await trio.sleep(1)
        journal.close()  # SIGKILL
        async with open_house(journal=FlakyJournal(shelf), records=records) as second:
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
    shelf, records = Shelf(), FlakyRecords()
    journal = FlakyJournal(shelf)
    async with open_house(journal=journal, records=records) as first:
        await first.start().opened()
        turns = [first.start("enqueue", text=text) for text in ("one", "two")]
        other = first.start("enqueue", text="three", conversation_id=C2)
        await other.opened()
        for turn in turns:
            assert isinstance(await turn.queued(), Queued)
        journal.close()
        async with open_house(journal=FlakyJournal(shelf), records=records) as second:
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


async def test_a_turn_that_cannot_be_kept_is_not_queued(autojump_clock: MockClock) -> None:
    journal = FlakyJournal(Shelf())
    async with open_house(journal=journal) as house:
        jobs, records = Alone(house.supervisor), house.records
        await start_turn(house.turn(), "enqueue", jobs=jobs, records=records)
        journal.down = True
        with pytest.raises(NotStarted, match="takes nothing"):
            await start_turn(house.turn(), "enqueue", jobs=jobs, records=records)
        journal.down = False


async def test_a_queued_turn_that_is_gone_was_not_started(autojump_clock: MockClock) -> None:
    journal = FlakyJournal(Shelf())
    async with open_house(journal=journal) as house, trio.open_nursery() as nursery:
        jobs, records = Alone(house.supervisor), house.records
        await start_turn(house.turn(), "enqueue", jobs=jobs, records=records)
        journal.hold()

        async def in_vain() -> None:
            with pytest.raises(NotStarted, match="gone before it began"):
                await start_turn(house.turn(), "enqueue", jobs=jobs, records=records)

        nursery.start_soon(in_vain)
        await wait_all_tasks_blocked()
        [_, waiting] = house.supervisor.registry.conversation(C1)
        waiting.leave()
        journal.release()


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
    """The job came back to its first owner, which had not heard that another had it."""
    async with open_replicas(on_owner_lost="continue") as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        here.replication.away = True
        here.model.say("never kept")
        replicas.records.down = True  # it comes to nothing there
        await trio.sleep(1.2 * LEASE)
        there.kill()
        replicas.records.down = False
        here.replication.away = False
        await trio.sleep(2 * LEASE)
        found = here.replica.supervisor.registry.find(job.job_id)
        assert found is not None
        assert found.feed.epoch == 3
        await found.ref.stop()


async def test_turns_that_are_queued_when_the_server_is_told_to_stop_are_asked_by_the_next(
    autojump_clock: MockClock,
) -> None:
    shelf, records = Shelf(), FlakyRecords()
    journal = FlakyJournal(shelf)
    async with open_house(journal=journal, records=records) as first:
        running = first.start()
        await running.opened()
        queued = first.start("enqueue", text="and then?")
        await queued.queued()
    journal.close()
    records.down = False  # the next process has its own way to them
    async with open_house(journal=FlakyJournal(shelf), records=records) as second:
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
        replicas.records.hold()  # so that going takes time
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
