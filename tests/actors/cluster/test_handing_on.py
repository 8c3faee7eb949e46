"""A waiting turn comes through every restart, and through every replica's leaving."""

import trio
from trio.testing import MockClock

from legato.actors.ending import RESTART
from legato.actors.lifespan import open_supervisor
from legato.actors.production.absent_model import AbsentModel
from legato.actors.resources import JobResources
from legato.config import Limits
from legato.content import ErrorPart, TextPart
from legato.events import AnyEnding, Failed, Finished, Queued, Stopped
from legato.storage.memory.journal import JournalStore
from tests.support.actors import (
    C1,
    C2,
    FlakyJournal,
    FlakyRecords,
    PlayedModel,
    SlowToClose,
    open_house,
)
from tests.support.replicas import LEASE, Seat, open_replicas


async def test_one_that_was_stopped_stays_stopped(autojump_clock: MockClock) -> None:
    journal_store, records = JournalStore(), FlakyRecords()
    async with open_house(
        journal=(journal := FlakyJournal(journal_store)), records=records
    ) as first:
        await first.start().opened()
        queued = first.start("enqueue", text="never mind")
        assert isinstance(await queued.queued(), Queued)
        assert isinstance((await queued.stop()).ending, Stopped)
        await trio.sleep(1)
    journal.close()
    records.down = False
    async with open_house(journal=FlakyJournal(journal_store), records=records) as second:
        second.model.finish()
        await trio.sleep(1)
        found = second.supervisor.whereis(queued.job_id)

        assert found is not None
        assert isinstance(await found.ended(), Stopped)
        assert "never mind" not in [each.text for each in await records.messages(C1)]


async def test_a_queue_of_them_outlives_many_restarts(autojump_clock: MockClock) -> None:
    journal_store, records = JournalStore(), FlakyRecords()
    async with open_house(
        journal=(journal := FlakyJournal(journal_store)), records=records
    ) as first:
        await first.start().opened()
        turns = [first.start("enqueue", text=f"question {n}") for n in range(6)]
        for each in turns:
            await each.queued()
    for _ in range(5):
        journal.close()
        records.down = False
        journal = FlakyJournal(journal_store)
        async with open_house(journal=journal, records=records) as house:
            await trio.sleep(0.5)
            last = house.supervisor.whereis(turns[-1].job_id)
            assert last is not None
            assert house.job(last).feed.ending is None


async def test_one_whose_model_is_gone_fails_and_is_put_to_no_other(
    autojump_clock: MockClock,
) -> None:
    journal_store, records, other = JournalStore(), FlakyRecords(), PlayedModel()
    async with open_house(
        journal=(journal := FlakyJournal(journal_store)), records=records
    ) as first:
        await first.start().opened()
        queued = first.start("enqueue", text="for the model that is called played")
        await queued.queued()
    journal.close()
    records.down = False
    async with open_supervisor(
        JobResources(records=records, models={"other": other}, dialects={}, limits=Limits()),
        journal=FlakyJournal(journal_store),
    ) as supervisor:
        found = supervisor.whereis(queued.job_id)
        assert found is not None
        ending = await found.ended()

    assert isinstance(ending, Failed)
    assert ending.message == "The model played is not configured any more."
    assert other.requests == []


def slow_second(me: str) -> PlayedModel:
    return SlowToClose() if me == "replica-1" else PlayedModel()


def is_cut_by_restart(ending: AnyEnding) -> bool:
    return isinstance(ending, Failed) and ending.reason == RESTART.reason


async def is_answered(job_id: str, seat: Seat) -> bool:
    seat.model.say("the answer")
    seat.model.finish()
    with trio.fail_after(100):
        return isinstance(await (await seat.find(job_id)).ended(), Finished)


async def test_one_is_not_asked_where_the_replica_that_takes_it_over_leaves_too(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(3, model=slow_second) as replicas:
        first, second, third = replicas.seats
        third.replication.inherits = False  # the second is to take over
        running = await third.start()
        await running.opened()
        queued = await first.start("enqueue", text="queued question")
        await queued.queued()
        first.leave()
        await first.ended.wait()
        await trio.sleep(2 * LEASE)
        await (await second.start(conversation_id=C2)).opened()
        second.leave()  # which takes as long as stopping its turn
        await trio.sleep(LEASE / 5)
        third.model.finish()
        await running.ended()
        await trio.sleep(LEASE / 5)
        asked = len(second.model.requests)
        third.replication.inherits = True
        await second.ended.wait()
        await trio.sleep(2 * LEASE)

        assert await is_answered(queued.job_id, third)
    assert asked == 1, "for its own turn"


async def test_one_outlives_the_shutdown_of_all_replicas(autojump_clock: MockClock) -> None:
    async with open_replicas(2, model=slow_second) as replicas:
        first, second = replicas.seats
        await (await first.start()).opened()
        queued = await first.start("enqueue", text="queued question")
        await queued.queued()
        await (await second.start(conversation_id=C2)).opened()
        first.leave()
        second.leave()
        await first.ended.wait()
        await second.ended.wait()
        third = await replicas.open()
        await trio.sleep(3 * LEASE)

        assert await is_answered(queued.job_id, third)


async def test_one_outlives_six_replicas_that_leave_in_turn(autojump_clock: MockClock) -> None:
    async with open_replicas(6) as replicas:
        *leavers, last = replicas.seats
        for each in replicas.seats:
            each.replication.inherits = False
        running = await last.start()
        await running.opened()
        queued = await leavers[0].start("enqueue", text="queued question")
        await queued.queued()
        for each, following in zip(leavers, replicas.seats[1:], strict=True):
            following.replication.inherits = True
            each.leave()
            await each.ended.wait()
            await trio.sleep(2 * LEASE)
        last.model.finish()
        await running.ended()

        assert await is_answered(queued.job_id, last)


async def test_who_waits_for_one_goes_on_waiting_when_it_is_handed_on(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(3, model=slow_second) as replicas:
        first, second, third = replicas.seats
        await (await first.start()).opened()
        await (await second.start(conversation_id=C2)).opened()  # which is slow to end
        before = await second.start("enqueue", text="the question before")
        await before.queued()
        after = await third.start("enqueue", text="the question after")
        await after.queued()
        second.leave()
        await trio.sleep(LEASE / 5)
        first.model.finish()
        await second.ended.wait()
        await trio.sleep(2 * LEASE)
        asked = [*first.model.requests[1:], *third.model.requests]

        assert len(asked) == 1
        assert "the question before" in str(asked[0])


async def test_one_is_handed_on_by_who_alone_knows_of_it(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        await (await here.start()).opened()
        queued = await here.start("enqueue", text="queued question")
        await queued.queued()
        await trio.sleep(LEASE)
        replicas.world.forget_everything()
        here.leave()
        await here.ended.wait()
        await trio.sleep(3 * LEASE)

        assert await is_answered(queued.job_id, there)


async def test_an_answer_goes_on_at_another_replica(autojump_clock: MockClock) -> None:
    async with open_replicas(on_owner_lost="continue") as replicas:
        here, there = replicas.seats
        job = await there.find((await here.start()).job_id)
        here.model.say("one ")
        await trio.sleep(1)
        here.leave()
        here.model.say("two ")  # until the replica is gone, this replica answers
        await here.ended.wait()
        await trio.sleep(LEASE / 5)
        there.model.say("three")
        there.model.finish()
        ending = await job.ended()

        assert isinstance(ending, Finished)
        assert ending.response is not None
        assert ending.response.content == (TextPart("one two three"),)
        assert here.model.open_connections == 0


async def test_an_answer_goes_on_at_a_replica_that_came_a_moment_ago(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(1, on_owner_lost="continue") as replicas:
        [here] = replicas.seats
        job = await here.start()
        here.model.say("one ")
        await trio.sleep(1.05)
        there = await replicas.open()
        here.leave()
        await here.ended.wait()
        await trio.sleep(LEASE / 5)

        assert await is_answered(job.job_id, there)


async def test_an_answer_is_ended_where_those_who_stay_would_end_it(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(on_owner_lost="seal") as replicas:
        here, there = replicas.seats
        job = await there.find((await here.start()).job_id)
        here.model.say("half")
        await trio.sleep(1)
        here.leave()

        assert is_cut_by_restart(await job.ended())
        assert there.model.requests == []


async def test_an_answer_is_ended_where_nobody_stays(autojump_clock: MockClock) -> None:
    async with open_replicas(on_owner_lost="continue") as replicas:
        await replicas.seats[0].start()
        replicas.seats[0].model.say("half")
        await trio.sleep(1)
        for seat in replicas.seats:
            seat.replica.supervisor.drain.refuse_starts()
        await trio.sleep(LEASE / 5)
        for seat in replicas.seats:
            seat.leave()
        for seat in replicas.seats:
            await seat.ended.wait()

        [answer] = replicas.records.closed
        assert answer.unfinished
        assert answer.content == (TextPart("half"), ErrorPart(RESTART.message))


def test_a_model_that_is_gone_takes_any_parameters() -> None:
    AbsentModel("gone").check({"temperature": "what only that model knew"})


async def test_an_answer_that_comes_to_a_replica_about_to_leave_is_found_at_the_next(
    autojump_clock: MockClock,
) -> None:
    """The database hangs until the replica that took the job over is leaving."""
    async with open_replicas(3, on_owner_lost="continue") as replicas:
        owner, leaver, last = replicas.seats
        last.replication.inherits = False
        job = await last.find((await owner.start()).job_id)
        await trio.sleep(1)
        owner.kill()
        replicas.records.hold()
        await trio.sleep(2 * LEASE)
        leaver.leave()
        last.replication.inherits = True
        replicas.records.release()

        assert await is_answered(job.job_id, last)
        assert isinstance(await job.ended(), Finished)
