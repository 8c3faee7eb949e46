"""Parked runs of many replicas: the owner wakes them for all, and leaves them to others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Standing
from legato.actors.ref import JobRef
from legato.actors.subscription import Subscription
from legato.agents.run import AgentRuns
from legato.events import Asked, Failed, Finished, Stopped
from legato.models.scripted import ScriptedModel
from legato.storage.contracts.errors import StorageError
from tests.actors.test_agent_runs import results
from tests.actors.test_asks import Words, asking
from tests.support.actors import C1
from tests.support.agents import ListToolbox, call
from tests.support.parking import PARK_AFTER
from tests.support.replicas import LEASE, Replicas, Seat, open_replicas, supervisor_at
from tests.support.steering import answer, open_asks


@asynccontextmanager
async def open_waiting(
    words: Words, count: int = 2, **limits: Any
) -> AsyncIterator[tuple[Replicas, JobRef, Asked]]:
    """Replicas, and a run parked at the first of them, with its ask."""
    async with open_replicas(
        count,
        runs=lambda me, model: AgentRuns({"scripted": ScriptedModel()}, ListToolbox(words.tool)),
        **limits,
    ) as replicas:
        job = await replicas.seats[0].start(agents=(asking(call("write", text="a")),))
        await trio.sleep(1)
        [ask] = await open_asks(job)
        await trio.sleep(2 * PARK_AFTER)
        assert is_parked(replicas.seats[0], job)
        yield replicas, job, ask


def is_parked(seat: Seat, job: JobRef) -> bool:
    return job.job_id in supervisor_at(seat).registry.parked


async def test_an_answer_at_another_replica_wakes_the_run_at_its_owner(
    autojump_clock: MockClock,
) -> None:
    words = Words()
    async with open_waiting(words) as (replicas, job, ask):
        here, there = replicas.seats
        found = await there.find(C1)
        status = await found.status()
        assert not is_parked(here, job)
        await answer(found, ask.ask_id)
        ending = await found.ended()

    assert status.standing is Standing.REQUIRES_ACTION
    assert status.cursor.epoch == 1
    assert words.given == [{"text": "a"}]
    assert results(ending) == ["written"]


async def test_a_reader_at_another_replica_keeps_the_run_awake(autojump_clock: MockClock) -> None:
    words = Words()
    async with open_waiting(words) as (replicas, job, _):
        here, there = replicas.seats
        reader = Subscription(await there.find(C1), "librechat", "beginning")
        await reader.receive()
        await trio.sleep(10 * PARK_AFTER)
        assert not is_parked(here, job)
        reader.leave()
        await trio.sleep(10 * PARK_AFTER)
        assert is_parked(here, job)
        own = Subscription(await here.find(C1), "librechat", "snapshot")
        await own.receive()
        assert not is_parked(here, job)
        assert await here.jobs.active("ann") == [C1]


@pytest.mark.parametrize("policy", ["seal", "continue"])
async def test_a_run_whose_owner_is_killed_is_parked_at_the_next(
    autojump_clock: MockClock, policy: str
) -> None:
    words = Words()
    async with open_waiting(words, on_owner_lost=policy) as (replicas, job, ask):
        here, there = replicas.seats
        cursor = (await job.status()).cursor
        await trio.sleep(2 * PARK_AFTER)
        here.kill()
        await trio.sleep(2 * LEASE)
        assert is_parked(there, job)
        found = await there.find(job.job_id)
        located = await found.locate("librechat", cursor)
        await answer(found, ask.ask_id)
        ending = await found.ended()

    assert located.cursor == cursor
    assert isinstance(ending, Finished)
    assert words.given == [{"text": "a"}]


async def test_a_run_is_left_to_another_replica_without_a_wait(autojump_clock: MockClock) -> None:
    words = Words()
    async with open_waiting(words) as (replicas, job, ask):
        here, there = replicas.seats
        found = await there.find(job.job_id)
        began = trio.current_time()
        here.leave()
        await answer(found, ask.ask_id)  # waits for the next owner, if need be
        ending = await found.ended()
        await here.ended.wait()
        took = trio.current_time() - began

    assert isinstance(ending, Finished)
    assert took < 5
    assert words.given == [{"text": "a"}]


async def test_an_owner_that_was_away_lets_go_of_its_parked_runs(
    autojump_clock: MockClock,
) -> None:
    words = Words()
    async with open_waiting(words) as (replicas, job, ask):
        here, there = replicas.seats
        here.replication.away = True
        await trio.sleep(2 * LEASE)
        here.replication.away = False
        await trio.sleep(2)
        assert not is_parked(here, job)
        assert is_parked(there, job)
        found = await here.find(job.job_id)
        await answer(found, ask.ask_id)
        assert isinstance(await found.ended(), Finished)

    assert words.given == [{"text": "a"}]


async def test_a_run_ends_whose_log_the_shared_storage_lost(autojump_clock: MockClock) -> None:
    words = Words()
    async with open_waiting(words) as (replicas, job, _):
        here, there = replicas.seats
        replicas.world.forget_everything()
        await trio.sleep(2 * LEASE)
        status = await (await there.find(job.job_id)).status()
        assert not is_parked(here, job)
        await there.start(text="next")  # the conversation is not busy for ever

    assert isinstance(status.ending, Failed)
    assert words.given == []


async def test_storage_that_is_away_is_said_at_every_replica(autojump_clock: MockClock) -> None:
    words = Words()
    async with open_waiting(words) as (replicas, job, ask):
        here, there = replicas.seats
        for seat in (here, there):
            found = await seat.find(job.job_id)
            replicas.records.fails = 1
            with pytest.raises(StorageError):
                await found.status()
            assert is_parked(here, job)
        await answer(await there.find(job.job_id), ask.ask_id)
        assert isinstance(await (await here.find(job.job_id)).ended(), Finished)


async def test_a_reader_waits_while_the_next_owner_cannot_read_the_run(
    autojump_clock: MockClock,
) -> None:
    words = Words()
    async with open_waiting(words, 3) as (replicas, job, ask):
        here, there, third = replicas.seats
        reader = Subscription(await third.find(job.job_id), "librechat", "beginning")
        await reader.receive()
        here.kill()
        replicas.records.fails = 10**9
        await trio.sleep(2 * LEASE)
        assert is_parked(there, job) or is_parked(third, job)
        replicas.records.fails = 0
        with trio.fail_after(5):
            await answer(await third.find(job.job_id), ask.ask_id)
            while not (await reader.receive()).last:
                pass

    assert words.given == [{"text": "a"}]


async def test_a_reader_at_the_next_owner_is_told_that_the_run_cannot_be_read(
    autojump_clock: MockClock,
) -> None:
    words = Words()
    async with open_waiting(words) as (replicas, job, _):
        here, there = replicas.seats
        reader = Subscription(await there.find(job.job_id), "librechat", "beginning")
        await reader.receive()
        here.kill()
        replicas.records.fails = 10**9
        with capture_logs() as logs, pytest.raises(StorageError):
            await reader.receive()
        assert is_parked(there, job)
        replicas.records.fails = 0
        again = Subscription(await there.find(job.job_id), "librechat", "snapshot")
        assert (await again.receive()).data

    assert "crashed" not in [line["event"] for line in logs]


async def test_a_turn_elsewhere_stops_a_parked_run(autojump_clock: MockClock) -> None:
    words = Words()
    async with open_waiting(words) as (replicas, job, _):
        here, there = replicas.seats
        second = await there.start(text="next")
        await second.opened()
        status = await (await here.find(job.job_id)).status()

    assert isinstance(status.ending, Stopped)


async def test_a_conversation_is_closed_elsewhere_with_its_parked_run(
    autojump_clock: MockClock,
) -> None:
    words = Words()
    async with open_waiting(words) as (replicas, job, _):
        here, there = replicas.seats
        await there.jobs.close_conversation("ann", C1)
        assert not is_parked(here, job)
        with pytest.raises(ActorStopped):
            await job.status()
        assert await there.jobs.whereis("ann", job.job_id) is None
