"""Counts of jobs."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.job import Job
from legato.actors.lifecycle import State
from legato.actors.resources import JobObserver
from legato.actors.stream.sinks import BACKLOG_BYTES, ChannelSink
from legato.histogram import Histogram
from legato.storage.memory.journal import JournalStore, MemoryJournal
from tests.support.actors import C2, FlakyJournal, open_house


def test_a_time_counts_where_it_is_at_most_the_bound() -> None:
    times = Histogram((1.0, 2.0))
    for seconds in (0.0, 1.0, 1.5, 2.0, 3.0, 99.0):
        times.add(seconds)

    assert (times.counts, times.sum) == ([2, 2, 2], 106.5)


async def test_jobs_are_counted_by_how_they_stand_and_how_they_ended(
    autojump_clock: MockClock,
) -> None:
    async with open_house(retention=10.0) as house:
        first, other = house.start(), house.start(conversation_id=C2)
        await first.opened()
        await other.opened()
        assert house.supervisor.statistics().jobs == {State.RUNNING: 2}
        await other.stop()
        statistics = house.supervisor.statistics()

        assert statistics.jobs == {State.RUNNING: 1, State.ENDED: 1}
        assert (statistics.started, statistics.endings) == (2, {"aborted": 1})
        events = statistics.events
        await trio.sleep(11.0)
        assert house.supervisor.statistics().jobs == {State.RUNNING: 1}
        assert house.supervisor.statistics().events == events > 0


async def test_the_first_word_is_timed_from_the_question(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        await trio.sleep(1.5)
        house.model.say("a")
        await trio.sleep(30.0)
        house.model.say("b")
        house.model.finish()
        await house.job(job).ended.wait()

        assert house.supervisor.statistics().first_content.sum == pytest.approx(1.5)


async def test_readers_that_lag_are_counted_and_those_that_left_are_not() -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        stays, leaves = ChannelSink(), ChannelSink()
        await job.subscribe("librechat", "beginning", stays)
        await job.subscribe("librechat", "beginning", leaves)
        leaves.leave()
        assert house.supervisor.statistics().readers == 1
        for _ in range(3):
            house.model.say("x" * BACKLOG_BYTES)
            await wait_all_tasks_blocked()

        assert house.supervisor.statistics().lagged == 1
        assert house.supervisor.statistics().readers == 0


async def test_a_write_to_the_journal_is_timed_while_it_goes_on_and_after(
    autojump_clock: MockClock,
) -> None:
    journal = FlakyJournal()
    async with open_house(journal=journal) as house:
        writer = house.supervisor.journal
        assert writer is not None
        job = house.start()
        await job.opened()
        assert writer.delay == 0
        journal.down = True
        house.model.say("a")
        await trio.sleep(3.0)
        assert 2.5 < writer.delay <= 3.0
        journal.down = False
        await trio.sleep(10.0)

        assert writer.delay == 0
        assert 2.5 < writer.writes.sum < 13.0


async def test_without_a_journal_there_is_nothing_to_time() -> None:
    async with open_house() as house:
        assert house.supervisor.journal is None


class Endings(JobObserver[Job]):
    def __init__(self) -> None:
        self.job_ids: list[str] = []

    def job_ended(self, job: Job) -> None:
        self.job_ids.append(job.turn.job_id)


async def test_who_wants_to_know_is_told_of_every_ending_once() -> None:
    async with open_house() as house:
        endings = Endings()
        house.supervisor.observe(endings)
        job = house.start()
        await job.opened()
        await job.stop()
        await job.stop()

        assert endings.job_ids == [job.job_id]


async def test_an_ending_of_a_former_process_is_not_counted_again(
    autojump_clock: MockClock,
) -> None:
    journal_store = JournalStore()
    former_journal = MemoryJournal(journal_store)
    async with open_house(journal=former_journal) as former:
        job = former.start()
        await job.opened()
        await job.stop()
    former_journal.close()
    async with open_house(records=former.records, journal=MemoryJournal(journal_store)) as house:
        statistics = house.supervisor.statistics()

    assert (statistics.jobs, statistics.endings) == ({State.ENDED: 1}, {})
