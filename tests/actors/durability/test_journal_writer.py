"""A journal keeps the events of jobs, which wait for the journal only at both ends."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.durability.recovery import Recovery
from legato.actors.ref import JobRef
from legato.actors.supervision.shutdown import LAST_WRITE
from legato.events import (
    AnyEvent,
    Created,
    Failed,
    Finished,
    StepStarted,
    Stopped,
    TextDelta,
)
from legato.models.contract import FinishReport, TextChunk
from legato.storage.contracts.errors import StorageError
from legato.storage.memory.journal import JournalStore, MemoryJournal
from tests.support.actors import C1, C2, FlakyJournal, FlakyRecords, House, open_house

RETENTION = 100.0


@pytest.fixture
def journal_store() -> JournalStore:
    return JournalStore()


@pytest.fixture
def journal(journal_store: JournalStore) -> FlakyJournal:
    return FlakyJournal(journal_store)


@pytest.fixture
async def house(journal: FlakyJournal) -> AsyncIterator[House]:
    async with open_house(journal=journal, retention=RETENTION, store_timeout=10.0) as house:
        yield house


async def begun(house: House, **fields: object) -> JobRef:
    """A job whose model has been asked."""
    job = house.start(**fields)
    assert isinstance(await job.opened(), Created)
    return job


def marked_done(journal_store: JournalStore) -> set[str]:
    return {
        job_id for job_id, stored_log in journal_store.stored_logs.items() if stored_log.marked_done
    }


async def kept(journal: MemoryJournal, job: JobRef) -> list[AnyEvent]:
    entries = (await journal.read(job.job_id)).entries
    position = 0
    for each in entries:
        assert each.first == position + 1
        position += len(each.events)
    return [event for each in entries for event in each.events]


async def test_a_job_is_kept_before_it_is_begun(
    house: House, journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    journal.hold()
    job = house.start()
    await wait_all_tasks_blocked()
    assert not house.model.requests, "the model is not asked for what could be forgotten"
    journal.release()
    created = await job.opened()

    assert await kept(journal, job) == [created]


async def test_what_is_said_is_kept_soon_after(
    house: House, journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    job = await begun(house)
    house.model.say("a")
    house.model.say("b")
    await trio.sleep(1)
    house.model.say("c")
    await trio.sleep(1)

    created, *said = await kept(journal, job)
    assert isinstance(created, Created)
    assert said == [StepStarted(0, "text"), *(TextDelta(0, text) for text in "abc")]
    assert len(journal.batches) == 3, "what came together was kept together"


async def test_all_jobs_share_a_write(
    house: House, journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    one, other = await begun(house), await begun(house, conversation_id=C2)
    journal.hold()
    for _ in range(10):
        house.model.say("word")
    await wait_all_tasks_blocked()
    journal.batches.clear()
    journal.release()
    await trio.sleep(1)

    assert sum(map(len, journal.batches)) <= 4
    assert len(await kept(journal, one)) + len(await kept(journal, other)) == 2 + 2 + 10


async def test_the_ending_is_kept_before_it_is_said(
    house: House, journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    job = await begun(house)
    journal.hold()
    house.model.say("word")
    house.model.finish()
    await wait_all_tasks_blocked()
    assert not house.job(job).ended.is_set()
    assert not house.records.closed, "the journal comes first"
    journal.release()
    await house.job(job).ended.wait()

    assert isinstance((await kept(journal, job))[-1], Finished)
    assert len(house.records.closed) == 1


async def test_a_stop_that_finds_nothing_is_kept_too(
    house: House, journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    job = await begun(house)
    await job.stop()

    assert isinstance((await kept(journal, job))[-1], Stopped)


async def test_it_is_marked_done_when_it_is_said_and_forgotten_when_it_leaves(
    house: House, journal: FlakyJournal, journal_store: JournalStore, autojump_clock: MockClock
) -> None:
    job = await begun(house)
    house.model.finish()
    await house.job(job).ended.wait()
    await trio.sleep(1)
    assert marked_done(journal_store) == {job.job_id}
    await trio.sleep(RETENTION)

    assert await kept(journal, job) == []


async def test_a_storage_that_is_away_holds_nobody_up_and_misses_nothing(
    house: House, journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    job = await begun(house)
    journal.down = True
    for _ in range(100):
        house.model.say("word")
        await trio.sleep(0.5)
    status = await job.status()
    assert status.snapshot.seq == 102, "readers have it all"
    journal.down = False
    await trio.sleep(10)

    assert len(await kept(journal, job)) == 102


async def test_an_ending_that_cannot_be_kept_in_time_is_said_and_kept_later(
    house: House, journal: FlakyJournal, journal_store: JournalStore, autojump_clock: MockClock
) -> None:
    job = await begun(house)
    house.model.say("word")
    journal.down = True
    house.model.finish()
    await house.job(job).ended.wait()
    reply = await job.stop()
    assert reply.ending.unsaved
    journal.down = False
    await trio.sleep(20)

    assert isinstance((await kept(journal, job))[-1], Finished)
    assert len(house.records.closed) == 1
    assert marked_done(journal_store) == {job.job_id}


async def test_for_a_job_that_cannot_be_kept_no_model_is_asked(
    house: House, journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    journal.down = True
    job = house.start()
    await house.job(job).ended.wait()
    ending = (await job.stop()).ending

    assert isinstance(ending, Failed)
    assert ending.reason == "storage_unavailable"
    assert not house.model.requests
    assert not await house.records.messages(C1), "nor is a question kept that nobody will answer"


async def test_what_one_says_that_cannot_be_kept_costs_no_other(
    house: House, journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    job, other = await begun(house), await begun(house, conversation_id=C2)
    journal.unkeepable.add(job.job_id)
    for _ in range(2):
        house.model.say("a word for each")
        await trio.sleep(1)
        house.model.say("a word for each")
    house.model.finish()
    house.model.finish()
    await house.job(job).ended.wait()
    await house.job(other).ended.wait()

    assert [type(event) for event in await kept(journal, job)] == [Created]
    assert isinstance((await kept(journal, other))[-1], Finished)


async def test_a_write_that_failed_in_its_middle_is_finished_and_not_repeated(
    house: House, journal: FlakyJournal, journal_store: JournalStore, autojump_clock: MockClock
) -> None:
    ended, running = await begun(house), await begun(house, conversation_id=C2)
    journal.marks_done = False
    journal.hold()
    house.model.play(TextChunk("the end"), FinishReport("stop"))
    house.model.say("word")
    journal.release()
    await trio.sleep(1)
    house.model.say("and on")
    await trio.sleep(1)
    journal.marks_done = True
    await trio.sleep(10)

    assert marked_done(journal_store) == {ended.job_id}
    assert [type(event) for event in await kept(journal, running)] == [
        *(Created, StepStarted, TextDelta, TextDelta)
    ]


async def test_what_is_deleted_is_not_written_any_more(
    house: House, journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    job = await begun(house)
    house.model.say("word")
    await house.supervisor.close_conversation(job.conversation_id)
    await trio.sleep(20)

    assert await kept(journal, job) == []


async def test_a_job_stays_until_no_later_process_would_have_it_go_on(
    house: House, journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    """Otherwise the next turn of the conversation would run beside the job."""
    job = await begun(house)
    journal.down = True
    with pytest.raises(StorageError, match="not stored yet"):
        await house.supervisor.discard(job.job_id)
    assert house.supervisor.whereis(job.job_id) is not None
    journal.down = False
    await house.supervisor.discard(job.job_id)
    await trio.sleep(20)

    assert house.supervisor.whereis(job.job_id) is None
    assert await kept(journal, job) == []


@pytest.mark.parametrize("held", ["journal", "records"])
async def test_a_stop_faster_than_the_opening_leaves_nothing_to_be_recovered(
    house: House,
    journal: FlakyJournal,
    held: str,
    journal_store: JournalStore,
    autojump_clock: MockClock,
) -> None:
    held_up = journal if held == "journal" else house.records
    held_up.hold()
    house.records.down = True
    job = house.start()
    await wait_all_tasks_blocked()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(job.stop)
        await wait_all_tasks_blocked()
        held_up.release()
    await trio.sleep(1)
    journal.close()

    assert not await Recovery(MemoryJournal(journal_store), house.records).all()
    assert not await house.records.messages(C1)


async def test_a_shutdown_waits_until_all_is_written(
    journal: FlakyJournal, journal_store: JournalStore, autojump_clock: MockClock
) -> None:
    async with open_house(journal=journal) as house:
        job = await begun(house)
        house.model.say("word")

    assert isinstance((await kept(journal, job))[-1], Failed)
    assert marked_done(journal_store) == {job.job_id}


async def test_a_shutdown_does_not_wait_for_a_storage_that_is_away(
    journal: FlakyJournal, autojump_clock: MockClock
) -> None:
    async with open_house(journal=journal, store_timeout=5.0) as house:
        await begun(house)
        journal.down = True
        begun_at = trio.current_time()

    assert 5.0 <= trio.current_time() - begun_at <= 5.0 + LAST_WRITE + 0.1


async def test_who_comes_back_after_a_restart_finds_what_had_ended(
    journal: FlakyJournal, journal_store: JournalStore, autojump_clock: MockClock
) -> None:
    records = FlakyRecords()
    async with open_house(journal=journal, records=records) as house:
        job = await begun(house)
        house.model.say("word")
        house.model.finish()
        await house.job(job).ended.wait()
    journal.close()
    async with open_house(
        journal=MemoryJournal(journal_store), records=records, retention=RETENTION
    ) as house:
        again = house.supervisor.whereis(job.job_id)
        assert again is not None
        status = await again.status()
        assert status.standing == "complete"
        assert await house.jobs.active("ann") == []
        await trio.sleep(RETENTION + 1)
        assert house.supervisor.whereis(job.job_id) is None
    assert len(records.closed) == 1, "it was stored once"
