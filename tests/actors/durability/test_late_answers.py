"""An ending stays as said, and its answer is stored, however late."""

import trio
from trio.testing import MockClock

from legato.actors.lifespan import open_supervisor
from legato.actors.resources import JobResources
from legato.config import Limits
from legato.dialects.librechat import LibreChat
from legato.events import Failed
from legato.storage.memory.journal import JournalStore
from tests.support.actors import (
    C1,
    FlakyJournal,
    FlakyRecords,
    House,
    SlowToClose,
    crash,
    open_house,
)


async def answers(records: FlakyRecords) -> list[str]:
    return [each.message_id for each in await records.messages(C1) if not each.is_created_by_user]


async def test_a_start_that_failed_fails_alike_after_a_kill(autojump_clock: MockClock) -> None:
    journal_store, records = JournalStore(), FlakyRecords()
    async with open_house(
        journal=(journal := FlakyJournal(journal_store)), records=records
    ) as first:
        records.hold()
        job = first.start()
        said = await job.ended()
        assert isinstance(said, Failed)
        records.release()
        await trio.sleep(10)
        journal.close()  # SIGKILL
        async with open_house(journal=FlakyJournal(journal_store), records=records) as second:
            found = second.supervisor.whereis(job.job_id)
            assert found is not None
            again = await found.ended()

        assert isinstance(again, Failed)
        assert again.reason == said.reason == "storage_unavailable"


async def test_an_answer_waits_for_a_journal_that_is_away(autojump_clock: MockClock) -> None:
    journal = FlakyJournal(JournalStore())
    async with open_house(journal=journal, retention=60) as house:
        job = house.start()
        await job.opened()
        journal.down = True
        house.model.finish()
        await job.ended()
        await trio.sleep(120)
        journal.down = False
        await trio.sleep(120)

        assert await answers(house.records) == ["answer-1"]


async def test_no_answer_to_a_question_that_came_late_precedes_its_ending_in_the_journal(
    autojump_clock: MockClock,
) -> None:
    journal = FlakyJournal(JournalStore())
    async with open_house(journal=journal) as house:
        house.records.hold()
        job = house.start()
        await trio.sleep(1)  # the journal has the beginning, and the question is being stored
        journal.down = True
        assert isinstance(await job.ended(), Failed)
        house.records.release()
        await trio.sleep(60)
        assert [each.message_id for each in await house.records.messages(C1)] == ["question-1"]
        journal.down = False
        await trio.sleep(60)

        assert await answers(house.records) == ["answer-1"]


async def test_an_answer_that_waits_is_not_evicted(autojump_clock: MockClock) -> None:
    journal = FlakyJournal(JournalStore())
    async with open_house(journal=journal, max_retained_bytes=10) as house:
        job = house.start()
        await job.opened()
        journal.down = True
        house.model.say("the answer")
        house.model.finish()
        await job.ended()
        other = house.start()
        await trio.sleep(30)
        await other.stop()  # its ending evicts all evictable jobs
        journal.down = False
        await trio.sleep(60)

        assert "answer-1" in await answers(house.records)


async def test_an_answer_is_stored_though_its_job_crashes_after_the_ending(
    autojump_clock: MockClock,
) -> None:
    async with open_house(journal=FlakyJournal(JournalStore())) as house:
        job = house.start()
        await job.opened()
        house.records.down = True
        house.model.finish()
        assert (await job.ended()).unsaved
        await crash(job)
        await trio.sleep(1)
        house.records.down = False
        await trio.sleep(300)

        assert await answers(house.records) == ["answer-1"]


async def test_an_answer_is_stored_though_its_provider_is_slow_to_close(
    autojump_clock: MockClock,
) -> None:
    records, model = FlakyRecords(), SlowToClose(seconds=15)
    async with open_supervisor(
        JobResources(
            records=records,
            models={"played": model},
            dialects={"librechat": LibreChat},
            limits=Limits(),
        ),
        journal=FlakyJournal(JournalStore()),
    ) as supervisor:
        job = House(supervisor, model, records).start()
        await job.opened()
        model.say("the answer")
        await trio.sleep(1)
        await job.stop()
        await trio.sleep(300)

        assert await answers(records) == ["answer-1"]
