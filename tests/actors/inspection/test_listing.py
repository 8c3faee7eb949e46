"""The timelines of a process's jobs: looked at without a question to any job."""

import trio
from trio.testing import MockClock

from legato.actors.inspection.listing import timelines
from legato.actors.inspection.timeline import ListTimelines, Timeline
from legato.actors.local_jobs import LocalJobs
from legato.actors.messages import Standing
from legato.actors.ref import JobRef
from legato.actors.stream.sinks import BACKLOG_BYTES, ChannelSink
from legato.storage.memory.journal import JournalStore
from tests.actors.test_agent_runs import open_runs
from tests.actors.test_asks import Words, asking
from tests.support.actors import C1, C2, FlakyRecords, House, open_house
from tests.support.agents import call
from tests.support.parking import AwayJournal, asked, parked

EVERYBODY = ListTimelines()


def look(house: House, job: JobRef) -> Timeline:
    [found] = timelines(house.supervisor.registry, ListTimelines(job_id=job.job_id)).jobs
    return found


def listed(house: House, asked_for: ListTimelines = EVERYBODY) -> list[str]:
    return [each.job_id for each in timelines(house.supervisor.registry, asked_for).jobs]


async def test_a_running_job_has_its_times(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        opened = look(house, job)
        await trio.sleep(2)
        house.model.say("Hel")
        await job.answering()
        spoken = look(house, job)
        await trio.sleep(3)
        house.model.finish()
        await job.ended()
        ended = look(house, job)

    assert (opened.stage, opened.standing) == ("answering", Standing.RUNNING)
    assert opened.first_word_at is None
    assert spoken.asked_at is not None
    assert spoken.first_word_at is not None
    assert spoken.first_word_at - spoken.asked_at == 2000
    assert ended.stage == "ended"
    assert ended.ended_at == spoken.first_word_at + 3000
    assert ended.times is not None
    assert ended.times.moments[-1] == (ended.ended_at, ended.events)


async def test_readers_are_counted_with_what_waits_for_them(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        await job.subscribe("librechat", "beginning", stalled := ChannelSink())
        read = look(house, job).counts
        house.model.say("x" * BACKLOG_BYTES)
        await job.answering()
        behind = look(house, job).counts
        house.model.say("more")
        await trio.sleep(1)
        lost = look(house, job).counts
        stalled.leave()

    assert read is not None
    assert behind is not None
    assert lost is not None
    assert (read.readers, read.lagged) == (1, 0)
    assert behind.waiting > BACKLOG_BYTES
    assert (lost.readers, lost.waiting, lost.lagged) == (0, 0, 1)


async def test_a_turn_that_waits_is_queued(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        first = house.start()
        await first.opened()
        queued = house.start("enqueue")
        await queued.queued()
        waiting = look(house, queued)
        opening = house.start(conversation_id=C2)

        assert waiting.stage == "queued"
        assert look(house, opening).stage == "opening"
        assert look(house, opening).asked_at is None


async def test_the_newest_come_first_and_what_runs_before_all(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        ended = []
        for _ in range(3):
            ended.append(house.start(conversation_id=C2))
            await ended[-1].opened()
            house.model.finish()
            await ended[-1].ended()
        early = house.start(conversation_id=C1, job_id="01AAAAAAAAAAAAAAAAAAAAAAAA")
        foreign = house.start(conversation_id="c3", user="bob")

        assert listed(house, ListTimelines("ann", most=3)) == [
            early.job_id,
            ended[2].job_id,
            ended[1].job_id,
        ]
        assert listed(house)[:2] == [foreign.job_id, early.job_id]
        assert listed(house, ListTimelines("ann", foreign.job_id)) == []
        assert listed(house, ListTimelines(job_id="unknown")) == []


async def test_to_look_at_a_parked_run_does_not_wake_it(autojump_clock: MockClock) -> None:
    words, store = Words(), JournalStore()
    async with open_runs(
        words.tool,
        records=FlakyRecords(),
        journal_store=store,
        journal=AwayJournal(store),
        on_owner_lost="seal",
    ) as house:
        job = house.start(model="scripted", agents=(asking(call("write", text="a")),))
        await asked(job)
        asks = look(house, job)
        await parked(house, job)
        rests = look(house, job)

        assert job.job_id in house.supervisor.registry.parked
        assert (asks.stage, asks.standing) == ("asking", Standing.REQUIRES_ACTION)
        assert (rests.stage, rests.standing) == ("parked", Standing.REQUIRES_ACTION)
        assert (rests.events, rests.counts, rests.agent_id) == (asks.events, None, None)
        assert asks.agent_id is not None
        assert listed(house, ListTimelines("ann")) == [job.job_id]


async def test_the_jobs_of_a_process_are_looked_at_in_one_question(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start()
        await job.opened()
        found = await LocalJobs(house.supervisor).timelines(EVERYBODY)

    assert [each.job_id for each in found.jobs] == [job.job_id]
