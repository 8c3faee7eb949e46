"""A hopeless or faulty job holds up nothing but itself."""

from collections.abc import Sequence
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from legato.actors.admission import NotStarted
from legato.actors.start import start_turn
from legato.actors.stream.sinks import ChannelSink
from legato.events import Failed
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Kept, OrphanedJob
from legato.storage.memory.journal import JournalStore
from tests.support.actors import C1, C2, FlakyJournal, FlakyRecords, open_house
from tests.support.replicas import LEASE, Seat, open_replicas, supervisor_at


class Unreadable(FlakyRecords):
    """Records with a conversation that cannot be read."""

    async def conversation(self, conversation_id: str) -> Any:
        if conversation_id == C1:
            raise StorageError("a row that this version cannot read")
        return await super().conversation(conversation_id)


async def test_a_conversation_that_cannot_be_read_keeps_no_process_from_starting(
    autojump_clock: MockClock,
) -> None:
    journal_store, records = JournalStore(), Unreadable()
    other = "01M846XJQTHKRR16F0RWQP0099"
    async with open_house(
        journal=(journal := FlakyJournal(journal_store)), records=records
    ) as first:
        await first.start().opened()
        journal.close()  # SIGKILL
        async with open_house(journal=FlakyJournal(journal_store), records=records) as second:
            await second.start(job_id=other, conversation_id=C2).opened()


async def test_a_bug_in_recovering_one_job_ends_no_replica(autojump_clock: MockClock) -> None:
    async with open_replicas(3) as replicas:
        broken: list[Seat] = []
        replicas.on_broken = lambda seat, error: broken.append(seat)
        here, *others = replicas.seats
        await (await here.start()).opened()

        async def reads(job_id: str) -> Kept:
            raise LookupError("a bug")

        for seat in others:
            seat.replication.journal.read = reads  # type: ignore[method-assign]
        here.kill()
        await trio.sleep(6 * LEASE)

        assert broken == []


async def test_a_replica_lives_on_though_a_part_of_its_heartbeat_crashed(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        take_over = here.replication.journal.take_over

        async def crashes() -> Sequence[OrphanedJob]:
            here.replication.journal.take_over = take_over  # type: ignore[method-assign]
            raise LookupError("a bug")

        here.replication.journal.take_over = crashes  # type: ignore[method-assign]
        await trio.sleep(3 * LEASE)

        assert "replica-0" in there.replication.alive()


async def test_jobs_that_cannot_be_recovered_hold_up_no_others(autojump_clock: MockClock) -> None:
    async with open_replicas(3, max_running_jobs_per_user=99) as replicas:
        here, there, third = replicas.seats
        third.replication.inherits = False
        bad: set[str] = set()
        for n in range(8):
            job = await here.start(conversation_id=f"11111111-1111-4111-8111-{n:012}")
            await job.opened()
            bad.add(job.job_id)
        good = await third.start()
        await good.opened()
        read = there.replication.journal.read

        async def reads(job_id: str) -> Kept:
            if job_id in bad:
                raise StorageError("a row that this version cannot read")
            return await read(job_id)

        there.replication.journal.read = reads  # type: ignore[method-assign]
        ref = await there.find(good.job_id)
        here.kill()
        await trio.sleep(2 * LEASE)
        third.kill()

        with trio.fail_after(60 * LEASE):
            assert isinstance(await ref.ended(), Failed)


def broken_dialect(identity: object) -> Any:
    raise LookupError("a bug of this dialect")


async def test_a_reader_behind_one_whose_dialect_has_a_bug_is_told(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(1) as replicas:
        replicas.dialects = {**replicas.dialects, "broken": broken_dialect}
        [here] = replicas.seats
        there = await replicas.open()
        job = await here.start()
        await job.opened()
        there.replication.lags = 1.0  # both are to wait for the mirror's first lines
        ref = await there.find(job.job_id)
        bad, good = ChannelSink(), ChannelSink()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.subscribe, "broken", "beginning", bad)
            await trio.sleep(0.05)
            nursery.start_soon(ref.subscribe, "librechat", "beginning", good)

        with trio.fail_after(60):
            assert (await good.receive()).seq == 1
        with pytest.raises(trio.EndOfChannel):
            await bad.receive()


async def test_a_start_is_refused_in_time_whose_journal_goes_away(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, _ = replicas.seats
        here.replication.keeps = False

        with trio.fail_after(60), pytest.raises(NotStarted):
            await start_turn(replicas.turn(), "interrupt", jobs=here.jobs, records=replicas.records)


async def test_a_stop_is_answered_though_its_owner_is_out_of_reach(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        ref = await there.find(job.job_id)
        here.replication.away = there.replication.away = True

        with trio.fail_after(100), pytest.raises(StorageError, match="did not answer in time"):
            await ref.stop()


async def test_a_turn_begins_though_the_stop_of_the_one_before_failed_once(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        running = await here.start()
        await running.opened()
        job = supervisor_at(here).registry.find(running.job_id)
        assert job is not None
        ref: Any = job.ref
        stop = ref.stop

        async def fails(*args: Any) -> Any:
            ref.stop = stop
            raise LookupError("a bug")

        ref.stop = fails
        second = await there.start("interrupt")

        with trio.fail_after(60):
            await second.opened()
