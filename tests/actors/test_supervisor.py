"""The decisions on starts: joining, order in a conversation, limits, eviction, shutdown."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.admission import Busy, ShuttingDown, TooManyForServer, TooManyForUser
from legato.actors.mailbox import ActorStopped
from legato.actors.stream.memory_sizes import JOB_BYTES
from legato.events import Created, Failed, Stopped
from legato.storage.contracts.errors import ForeignConversation, StorageError
from tests.actors.test_job import ending_of
from tests.support.actors import C1, C2, House, open_house


async def test_the_same_request_joins_whatever_else_it_says(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        first = house.jobs.start_now(house.turn(request_id="r"), "interrupt")
        again = house.jobs.start_now(house.turn(request_id="r", text="other"), "interrupt")
        other = house.jobs.start_now(
            house.turn(request_id="r", user="bob", conversation_id=C2), "interrupt"
        )

        assert not first.joined
        assert (again.job, again.joined) == (first.job, True)
        assert other.job is not first.job


async def test_a_request_that_came_to_nothing_may_be_tried_again(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        house.records.down = True
        first = house.start(request_id="r")
        assert isinstance(await first.opened(), Failed)
        house.records.down = False
        second = house.start(request_id="r")

        assert second is not first
        assert isinstance(await second.opened(), Created)


async def test_interrupt_stops_the_running_turn_first(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        first = house.start()
        house.model.say("half")
        await first.opened()
        await wait_all_tasks_blocked()
        second = house.start()
        created = await second.opened()

        assert house.model.open_connections <= 1
        assert isinstance((await first.stop()).ending, Stopped)
        assert isinstance(created, Created)
        assert created.request.parent_message_id == "answer-1"
        assert house.supervisor.whereis(C1) is second


async def test_reject_leaves_the_running_turn_alone(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        first = house.start("reject")
        with pytest.raises(Busy):
            house.start("reject")

        assert house.supervisor.whereis(C1) is first
        await first.stop()
        house.start("reject")


async def test_enqueue_waits_for_its_turn(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        first, queued = house.start(), house.jobs.start_now(house.turn(), "enqueue")
        await first.opened()
        await wait_all_tasks_blocked()

        assert queued.queued
        assert len(house.model.requests) == 1
        assert house.supervisor.whereis(C1) is first
        house.model.finish()
        await ending_of(first)
        assert isinstance(await queued.job.opened(), Created)
        assert house.supervisor.whereis(C1) is queued.job


async def test_a_queued_turn_can_be_stopped(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        first = house.start()
        await first.opened()
        queued, third = house.start("enqueue"), house.start("enqueue")
        reply = await queued.stop()
        await wait_all_tasks_blocked()

        assert isinstance(reply.ending, Stopped)
        assert await queued.opened() == reply.ending
        assert len(house.model.requests) == 1
        house.model.say("one")
        house.model.finish()
        await ending_of(first)
        assert isinstance(await third.opened(), Created)
        await third.stop()
        assert house.supervisor.whereis(C1) is third
        assert house.supervisor.whereis(queued.job_id) is queued


async def test_a_conversation_has_one_owner_from_its_first_turn_on(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        house.start()
        with pytest.raises(ForeignConversation):
            house.start(user="bob")


async def test_there_are_only_so_many_running_jobs(autojump_clock: MockClock) -> None:
    async with open_house(max_running_jobs=3, max_running_jobs_per_user=2) as house:
        first = house.start(conversation_id="1")
        house.start(conversation_id="2")
        with pytest.raises(TooManyForUser, match="2 running"):
            house.start(conversation_id="3")
        house.start(conversation_id="4", user="bob")
        with pytest.raises(TooManyForServer):
            house.start(conversation_id="5", user="eve")

        house.start(conversation_id="2")  # making room for itself
        await wait_all_tasks_blocked()
        assert sorted(await house.jobs.active("ann")) == ["1", "2"]
        await first.stop()
        house.start(conversation_id="3")
        assert await house.jobs.active("nobody") == []


@pytest.mark.parametrize("limits", [{"max_running_jobs": 1}, {"max_running_jobs_per_user": 1}])
async def test_a_turn_takes_the_place_of_the_one_it_interrupts(
    limits: dict[str, Any], autojump_clock: MockClock
) -> None:
    async with open_house(**limits) as house:
        first = house.start()
        await first.opened()
        second = house.start("interrupt")

        assert isinstance(await ending_of(first), Stopped)
        assert isinstance(await second.opened(), Created)
        with pytest.raises((TooManyForUser, TooManyForServer)):
            house.start("enqueue")


async def test_memory_is_bounded_the_oldest_go_first(autojump_clock: MockClock) -> None:
    async with open_house(max_retained_bytes=2 * JOB_BYTES + 2500) as house:
        for conversation_id in ("1", "2", "3"):
            job = house.start(conversation_id=conversation_id)
            house.model.say("x" * 100)
            house.model.finish()
            await ending_of(job)
            await wait_all_tasks_blocked()

        assert house.supervisor.whereis("1") is None
        assert house.supervisor.whereis("2") is not None
        assert house.supervisor.whereis("3") is not None


async def test_closing_a_conversation_stops_it_and_lets_go(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        house.model.say("half")
        await job.opened()
        await wait_all_tasks_blocked()
        await house.supervisor.close_conversation(C1)
        await wait_all_tasks_blocked()

        assert house.supervisor.whereis(C1) is None
        assert (await house.records.messages(C1))[-1].unfinished
        with pytest.raises(ActorStopped):
            await job.status()


async def test_closing_a_conversation_stops_what_starts_meanwhile(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        first = house.start()
        house.model.say("half")
        await first.opened()
        await wait_all_tasks_blocked()
        house.records.hold()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.supervisor.close_conversation, C1)
            await wait_all_tasks_blocked()
            second = house.start()
            await wait_all_tasks_blocked()
            house.records.release()

        assert await house.jobs.active("ann") == []
        assert house.supervisor.whereis(C1) is None
        with pytest.raises(ActorStopped):
            await second.status()


async def stop_unsaved(house: House) -> None:
    """Stop an answer whose storage is away, and stays away."""
    job = house.start()
    house.model.say("half")
    await job.answering()
    house.records.down = True
    assert (await job.stop()).ending.unsaved


async def test_after_an_outage_a_conversation_is_closed_at_once(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await stop_unsaved(house)
        await trio.sleep(500)  # by then the pauses between attempts are a minute long
        house.records.down = False
        began = trio.current_time()
        await house.supervisor.close_conversation(C1)

        assert trio.current_time() - began < 1
        assert (await house.records.messages(C1))[-1].unfinished


async def test_an_outage_that_goes_on_is_not_tried_again_and_again(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await stop_unsaved(house)
        await trio.sleep(100)
        attempts = house.records.refused
        for _ in range(3):
            with pytest.raises(StorageError):
                await house.supervisor.close_conversation(C1)

        assert 3 <= house.records.refused - attempts <= 4


async def test_draining_ends_what_runs_and_says_why(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job, waiting = house.start(), house.start("enqueue")
        house.model.say("half")
        await job.opened()
        await wait_all_tasks_blocked()
        await house.supervisor.drain.run()

        with pytest.raises(ShuttingDown):
            house.start()
        for each in (job, waiting):
            reply = await each.stop()
            assert isinstance(reply.ending, Failed)
            assert (reply.already_ended, reply.ending.reason) == (True, "server_restart")


async def test_a_turn_that_failed_to_begin_does_not_hide_the_last_one(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start()
        house.model.finish()
        await ending_of(job)
        house.records.down = True
        await house.start().opened()
        await wait_all_tasks_blocked()

        assert house.supervisor.whereis(C1) is job


async def test_stopping_a_job_that_has_left_is_as_good_as_stopped(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        house.start()
        await house.supervisor.close_conversation(C1)
        await house.supervisor.close_conversation(C1)
        await house.supervisor.close_conversation("nowhere")


async def test_all_that_runs_is_waited_for(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        waited = trio.Event()

        async def wait() -> None:
            await house.supervisor.drain.ended()
            waited.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            assert not waited.is_set()
            house.model.finish()
        assert waited.is_set()


async def test_a_job_that_runs_is_not_among_the_retained(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        house.supervisor.registry.read(house.job(job))

        assert [*house.supervisor.registry.evicted(0)] == []


async def test_a_shutdown_that_is_hurried_waits_for_no_storage(autojump_clock: MockClock) -> None:
    async with open_house(store_timeout=60) as house:
        job = house.start()
        await job.opened()
        house.model.say("half")
        house.records.hold()
        house.supervisor.hurried.set()
        begun = trio.current_time()

    assert trio.current_time() - begun < 5
