"""Jobs that change hands: no job is between two owners, and no job has two."""

import pytest
import trio
from msgspec import json
from msgspec.structs import replace
from trio.testing import MockClock

from legato.actors.durability.recovery import TRIES
from legato.actors.messages import Standing
from legato.events import Created, without_turn
from legato.storage.contracts.errors import StorageError
from tests.support.actors import C1
from tests.support.replicas import LEASE, open_replicas, supervisor_at


async def test_an_owner_that_was_away_lets_go_also_of_what_is_silent(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here = replicas.seats[0]
        job = await here.start()
        await trio.sleep(1)
        here.replication.away = True
        await trio.sleep(1.2 * LEASE)
        assert here.model.open_connections == 1
        here.replication.away = False
        await trio.sleep(2)
        assert here.model.open_connections == 0
        assert (await (await here.find(job.job_id)).status()).standing is Standing.ERROR


async def test_a_job_may_come_back_to_its_first_owner(autojump_clock: MockClock) -> None:
    async with open_replicas(on_owner_lost="continue") as replicas:
        here, there = replicas.seats
        job = await here.start()
        here.model.say("one ")
        await trio.sleep(1)
        here.replication.away = True
        await trio.sleep(1.2 * LEASE)
        assert there.model.open_connections == 1
        there.kill()
        here.replication.away = False
        await trio.sleep(1.2 * LEASE)
        found = await here.find(job.job_id)
        assert (await found.status()).cursor.epoch == 3
        assert here.model.open_connections == 1
        here.model.say("two")
        here.model.finish()
        await trio.sleep(1)
        assert (await found.status()).standing is Standing.COMPLETE
        assert await here.jobs.active("ann") == []


async def test_the_model_goes_on_with_all_that_was_asked_of_it(autojump_clock: MockClock) -> None:
    asked = {"temperature": 0.5, "tools": [{"type": "function"}]}
    async with open_replicas(on_owner_lost="continue") as replicas:
        here, there = replicas.seats
        job = await here.start(text="Once?", instructions="be brief", parameters=asked)
        here.model.say("one ")
        await trio.sleep(1)
        here.kill()
        await trio.sleep(1.2 * LEASE)
        [request] = there.model.requests

        assert request.parameters == asked == here.model.requests[0].parameters
        assert [each.text for each in request.messages] == ["be brief", "Once?", "one "]
        there.model.say("two")
        there.model.finish()
        await (await there.find(job.job_id)).ended()
        status = await (await there.find(job.job_id)).status()
        assert status.snapshot.created is not None
        assert status.snapshot.created.turn is None, "no reader is told of it"


async def test_without_all_that_was_asked_of_it_no_model_goes_on(
    autojump_clock: MockClock,
) -> None:
    """As with a job begun by a former version."""
    async with open_replicas(on_owner_lost="continue") as replicas:
        here, there = replicas.seats
        job = await here.start(parameters={"temperature": 0.5})
        here.model.say("one ")
        await trio.sleep(1)
        [first, *_] = replicas.world.stored_logs[job.job_id].entries
        created = first.events[0]
        assert isinstance(created, Created)
        first = replace(first, events=(without_turn(created), *first.events[1:]))
        replicas.world.stored_logs[job.job_id].entries[0] = first
        here.kill()
        await trio.sleep(1.2 * LEASE)

        assert there.model.requests == []
        assert (await (await there.find(job.job_id)).status()).standing is Standing.ERROR


@pytest.mark.parametrize("policy", ["seal", "continue"])
async def test_an_entry_of_the_directory_finds_a_job_and_no_more(
    policy: str, autojump_clock: MockClock
) -> None:
    large = "x" * 100_000
    async with open_replicas(on_owner_lost=policy) as replicas:
        here, _ = replicas.seats
        job = await here.start(
            text=large, instructions=large, parameters={"x": large}, request_id="r1"
        )
        await job.opened()
        entry = replicas.world.infos[job.job_id]
        journaled = json.encode(replicas.world.stored_logs[job.job_id].entries)

        assert len(json.encode(entry)) < 600
        assert len(journaled) < (400_000 if policy == "continue" else 200_000)


async def test_a_former_job_that_is_still_here_makes_way(autojump_clock: MockClock) -> None:
    """Another replica takes the job over and back, and this replica hears of neither."""
    async with open_replicas(1) as replicas:
        [here] = replicas.seats
        job = await here.start()
        await trio.sleep(1)
        stored_log = replicas.world.stored_logs[job.job_id]
        stored_log.owner, stored_log.epoch, stored_log.attempts = "another", 2, 1
        replicas.world.signs["another"] = "left"
        await trio.sleep(2)
        found = await here.find(job.job_id)
        assert (await found.status()).cursor.epoch == 3
        assert here.model.open_connections == 0
        assert (await found.status()).standing is Standing.ERROR


async def test_whoever_asks_while_a_job_is_taken_over_waits_for_it(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(3) as replicas:
        here, there, third = replicas.seats
        job = await here.start()
        here.model.say("half")
        await trio.sleep(1)
        here.kill()
        replicas.records.hold()
        await trio.sleep(1.5 * LEASE)
        owner = replicas.world.stored_logs[job.job_id].owner
        asker = there if owner == third.replication.me else third
        replies = []

        async def stop() -> None:
            replies.append(await (await asker.find(job.job_id)).stop())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            await trio.sleep(1)
            assert replies == []
            assert replicas.world.signs[owner] != "left"
            replicas.records.release()
        assert replies[0].already_ended


async def test_beats_wait_for_no_inheritance(autojump_clock: MockClock) -> None:
    async with open_replicas(3) as replicas:
        here = replicas.seats[0]
        job = await here.start()
        await trio.sleep(1)
        here.kill()
        replicas.records.hold()
        await trio.sleep(1.2 * LEASE)
        heir = replicas.world.stored_logs[job.job_id].owner
        await trio.sleep(2 * LEASE)
        assert replicas.world.stored_logs[job.job_id].owner == heir, (
            "it lives, however long it takes"
        )
        replicas.records.release()


async def test_what_failed_in_the_middle_is_found_again(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        here.model.say("half")
        await trio.sleep(1)
        here.kill()
        replicas.records.down = True
        await trio.sleep(2 * LEASE)
        replicas.records.down = False
        await trio.sleep(2)
        assert (await (await there.find(job.job_id)).status()).standing is Standing.ERROR
        assert await there.jobs.active("ann") == []
        assert replicas.world.stored_logs[job.job_id].attempts == 0


async def test_what_was_not_told_again_in_vain_is_told(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        here.model.say("half")
        await trio.sleep(0.5)
        replicas.world.forget_everything()
        here.replication.hears_nothing = 1
        await trio.sleep(3)
        await there.find(job.job_id)
        here.model.finish()
        await trio.sleep(1)
        assert await there.jobs.active("ann") == []
        assert replicas.world.stored_logs[job.job_id].marked_done


async def test_a_replica_that_leaves_hands_over_at_once(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        here.leave()
        await trio.sleep(2)
        assert (await (await there.find(C1)).status()).standing is Standing.ERROR
        assert there.replication.me == replicas.world.stored_logs[job.job_id].owner


async def test_a_queued_turn_waits_for_a_turn_of_another_replica(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        await here.start()
        await trio.sleep(0.1)
        started = await there.begin("enqueue")
        assert started.queued
        await trio.sleep(5)
        assert there.model.open_connections == 0
        here.model.finish()
        await trio.sleep(1)
        assert there.model.open_connections == 1
        assert [*await here.jobs.expected("ann", C1)] == [
            started.job.message_id,
            started.job.response_id,
        ]
        there.model.finish()
        await here.jobs.titled("ann", C1)
        await here.jobs.close_conversation("ann", C1)
        assert replicas.world.infos == {}
        assert await there.jobs.whereis("ann", C1) is None


async def test_a_repetition_joins_nothing_that_never_came_to_be(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        here.replication.lies = 1
        with pytest.raises(StorageError, match="did not answer"):
            await here.begin(request_id="r")
        started = await there.begin(request_id="r")
        assert not started.joined
        again = await there.begin(request_id="r")
        assert again.joined
        assert again.job.job_id == started.job.job_id
        await trio.sleep(2)
        assert await there.jobs.active("ann") == [C1]


async def test_a_waiting_turn_that_is_anothers_by_now_does_not_begin(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        await here.start()
        await trio.sleep(0.1)
        queued = await here.start("enqueue")
        stored_log = replicas.world.stored_logs[queued.job_id]
        stored_log.owner, stored_log.epoch = there.replication.me, 2
        here.model.finish()
        await trio.sleep(1)
        assert len(here.model.requests) == 1
        assert supervisor_at(here).registry.find(queued.job_id) is None


async def test_who_ends_a_job_of_another_may_be_too_late(autojump_clock: MockClock) -> None:
    async with open_replicas(1) as replicas:
        [here] = replicas.seats
        job = await here.start()
        await trio.sleep(1)
        stored_log = replicas.world.stored_logs[job.job_id]
        stored_log.owner, stored_log.epoch, stored_log.attempts = "another", 2, 1
        replicas.world.signs["another"] = "left"

        def taken_once_more() -> None:
            stored_log.owner, stored_log.epoch = "a third", 9

        here.replication.on_write = taken_once_more
        await trio.sleep(3)
        found = supervisor_at(here).registry.find(job.job_id)
        assert found is None or found.ref.epoch == 1
        assert stored_log.owner == "a third"


@pytest.mark.parametrize("policy", ["seal", "continue"])
async def test_what_began_at_another_replica_has_begun(
    autojump_clock: MockClock, policy: str
) -> None:
    async with open_replicas(on_owner_lost=policy) as replicas:
        here, there = replicas.seats
        job = await here.start()
        created = await job.opened()
        here.kill()
        await trio.sleep(1.5 * LEASE)
        adopted = supervisor_at(there).registry.find(job.job_id)
        assert adopted is not None
        assert await adopted.ref.opened() == created


async def test_a_conversation_that_is_gone_does_not_go_on(autojump_clock: MockClock) -> None:
    async with open_replicas(on_owner_lost="continue") as replicas:
        here, there = replicas.seats
        job = await here.start()
        here.model.say("half")
        await trio.sleep(1)
        here.kill()
        await replicas.records.delete_conversation(C1)
        await trio.sleep(1.5 * LEASE)
        assert await there.jobs.whereis("ann", job.job_id) is None
        assert there.model.requests == []


async def test_what_has_ended_outlives_any_number_of_owners(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        job = await replicas.seats[0].start()
        replicas.seats[0].model.say("well")
        replicas.seats[0].model.finish()
        await trio.sleep(1)
        for _ in range(2 * TRIES):
            await replicas.open()
            replicas.seats[-3].kill()
            await trio.sleep(2 * LEASE)
        found = await replicas.seats[-1].find(job.job_id)
        assert (await found.status()).standing is Standing.COMPLETE
