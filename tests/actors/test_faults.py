"""A fault ends its own part, and nothing else."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest
import trio
from trio.testing import MockClock

import tests.support.replicas as kit
from legato.actors.lifespan import open_supervisor
from legato.actors.mailbox import ActorError
from legato.actors.messages import Standing
from legato.actors.resources import JobResources
from legato.actors.stream.places import UnknownDialect
from legato.actors.stream.sinks import ChannelSink
from legato.config import Limits
from legato.dialects.contract import Identity
from legato.events import (
    AnyEvent,
    Finished,
    Snapshot,
    TextDelta,
)
from legato.models.contract import ModelRequest
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Entries, Refusal
from legato.storage.memory.journal import JournalStore
from tests.support.actors import (
    C2,
    FlakyJournal,
    FlakyRecords,
    House,
    PlayedModel,
    open_house,
)
from tests.support.replicas import LEASE, open_replicas, supervisor_at


async def test_a_question_in_an_unknown_dialect_harms_nobody_else(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        with pytest.raises(ActorError):
            await job.locate("ui_message", 3)
        house.model.say("hi")
        house.model.finish()
        with trio.fail_after(60):
            ending = await job.ended()
        assert isinstance(ending, Finished), ending


class Fragile:
    """A dialect with a bug."""

    number = None

    def __init__(self, identity: Identity) -> None:
        pass

    def fork(self) -> Self:
        return self

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        if isinstance(event, TextDelta) and event.text == "poison":
            raise KeyError("poison")
        return b"data: x\n\n"

    def snapshot(self, snapshot: Snapshot) -> bytes | None:
        return None


@pytest.mark.parametrize("at", ["owner", "mirror"])
async def test_a_bug_in_a_dialect_ends_one_job_at_most(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr(kit, "Numbers", Fragile)
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        other = await there.start(conversation_id=C2)
        await job.opened()
        await other.opened()
        seat = here if at == "owner" else there
        ref = await seat.find(job.job_id)
        await ref.subscribe("numbers", "beginning", ChannelSink())
        here.model.say("good")
        await trio.sleep(1)
        here.model.say("poison")
        await trio.sleep(1)
        assert (await other.status()).standing is Standing.RUNNING


class Clumsy(PlayedModel):
    """A model whose connection cannot be closed without an error."""

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[Any]:
        async with super().stream(request) as batches:
            try:
                yield batches
            finally:
                raise RuntimeError("cannot be closed")


async def test_an_error_beside_a_cancelled_life_ends_one_job(autojump_clock: MockClock) -> None:
    model = Clumsy()
    async with open_supervisor(
        JobResources(records=FlakyRecords(), models={"played": model}, dialects={}, limits=Limits())
    ) as supervisor:
        house = House(supervisor, model, FlakyRecords())
        job = house.start()
        other = house.start(conversation_id="22222222-2222-4222-8222-222222222222")
        await job.opened()
        await trio.sleep(1)
        house.job(job).ownership.lose()
        await trio.sleep(1)
        assert (await other.status()).ending is None
        for each in list(supervisor.registry):
            each._producer.stop()
            await trio.sleep(1)


async def test_a_fenced_job_whose_model_cannot_be_closed_ends_alone(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(model=lambda me: Clumsy()) as replicas:
        here, there = replicas.seats
        job = await here.start()
        other = await here.start(conversation_id=C2)
        await job.opened()
        await other.opened()
        stored_log = replicas.world.stored_logs[job.job_id]
        stored_log.owner, stored_log.epoch = there.replication.me, 2  # taken over
        here.model.say("hi")
        here.model.say("hi")
        await trio.sleep(5)
        assert supervisor_at(here).registry.find(other.job_id) is not None
        await trio.sleep(1)
        for each in list(supervisor_at(here).registry):
            each._producer.stop()
            await trio.sleep(1)


class Tired(FlakyJournal):
    """Fails once as threads do: RuntimeError: can't start new thread."""

    tired = False

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        if self.tired and batch[0].first > 1:
            self.tired = False
            raise RuntimeError("can't start new thread")
        return await super().append(batch)


async def test_a_writer_that_crashed_writes_again_or_says_so(
    autojump_clock: MockClock,
) -> None:
    journal = Tired(JournalStore())
    async with open_house(journal=journal) as house:
        job = house.start()
        await job.opened()
        journal.tired = True
        house.model.say("hi")
        await trio.sleep(1)
        house.model.say("hi")
        house.model.finish()
        ending = await job.ended()
        is_ready = True
        try:
            house.supervisor.check_journal()
        except StorageError:
            is_ready = False
        await trio.sleep(100)
        assert not (ending.unsaved and is_ready), "ready, and no ending is ever kept again"


async def test_a_storage_that_hangs_holds_no_shutdown_up(autojump_clock: MockClock) -> None:
    """As open_supervisor says: not for longer than `store_timeout`."""
    with trio.CancelScope(deadline=trio.current_time() + 100) as patience:
        done = trio.Event()

        async def free() -> None:
            with trio.move_on_after(90):
                await done.wait()
            house.records.release()

        async with trio.open_nursery() as nursery:
            began = trio.current_time()
            async with open_house(frees=False, store_timeout=10) as house:
                job = house.start()
                await job.opened()
                house.model.say("hi")
                await trio.sleep(1)
                house.records.hold()
                nursery.start_soon(free)
            took = trio.current_time() - began
            done.set()
    assert not patience.cancelled_caught
    assert took < 30


async def test_who_looks_after_its_jobs_for_long_is_not_taken_for_gone(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, _there = replicas.seats
        for n in range(60):
            done = await here.start(conversation_id=f"c{n}")
            await done.opened()
            await done.stop()
        job = await here.start()
        await job.opened()
        here.replication.away = True
        # nobody takes the replica for dead before a whole lease is over
        await trio.sleep(LEASE * 0.7)
        here.replication.pause = 0.2  # Redis is busy
        here.replication.away = False
        await trio.sleep(5 * LEASE)
        stored_log = replicas.world.stored_logs[job.job_id]
        assert (stored_log.owner, stored_log.epoch) == (here.replication.me, 1)


async def test_a_dialect_that_failed_is_not_spoken_any_more(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit, "Numbers", Fragile)
    async with open_replicas() as replicas:
        here, _ = replicas.seats
        job = await here.start()
        await job.opened()
        here.model.say("poison")
        await trio.sleep(1)
        with pytest.raises(UnknownDialect, match="failed"):
            await job.subscribe("numbers", "beginning", ChannelSink())
        with pytest.raises(UnknownDialect):
            await job.subscribe("numbers", "beginning", ChannelSink())
