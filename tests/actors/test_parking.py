"""A run that only waits is let go of, and is there again for whoever asks."""

import gc
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.admission import Busy, TooManyForServer, TooManyForUser
from legato.actors.conversation.turn import Turn
from legato.actors.durability.parked import Parked
from legato.actors.durability.recovered import Recovered
from legato.actors.durability.recovery import Recovery
from legato.actors.lifecycle import State
from legato.actors.local_jobs import LocalJobs
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Append, ParkDue, Standing, Status
from legato.actors.ref import JobRef
from legato.actors.registry import Registry
from legato.actors.steering.interjections import AnswerReceipt, SteerReceipt
from legato.actors.stream.sinks import ChannelSink
from legato.actors.subscription import Subscription
from legato.actors.supervision.parking import Parking
from legato.agents.asks import EXPIRED
from legato.events import (
    Answered,
    Cursor,
    Failed,
    Finished,
    Queued,
    Stopped,
    TextDelta,
)
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Entries, Kept
from legato.storage.memory.journal import JournalStore
from tests.actors.test_agent_runs import open_runs, results, text
from tests.actors.test_asks import Words, asking
from tests.support.actors import C1, C2, FlakyRecords, House
from tests.support.agents import CountedTool, agent, call, calls
from tests.support.parking import PARK_AFTER, AwayJournal, asked, parked
from tests.support.steering import answer, found, open_asks, taken, told


class Place:
    """A house with the tool, the journal and the storage that its runs use."""

    def __init__(self) -> None:
        self.words = Words()
        self.store = JournalStore()
        self.records = FlakyRecords()
        self.journal = AwayJournal(self.store)

    @asynccontextmanager
    async def open(self, **limits: Any) -> AsyncIterator[House]:
        """A process; the next one has the journal that this one leaves."""
        self.journal = AwayJournal(self.store)
        async with open_runs(
            self.words.tool,
            records=self.records,
            journal_store=self.store,
            journal=self.journal,
            on_owner_lost="seal",
            **limits,
        ) as house:
            yield house


def begin(house: House, **fields: Any) -> JobRef:
    made = {"model": "scripted", "agents": (asking(call("write", text="a")),)}
    return house.start(**(made | fields))


def is_parked(house: House, job: JobRef) -> bool:
    return job.job_id in house.supervisor.registry.parked


async def test_a_run_that_only_waits_keeps_no_task_and_no_job(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        tasks = trio.lowlevel.current_statistics().tasks_living
        job = begin(house)
        await asked(job)
        actor = weakref.ref(house.job(job))
        assert [*house.supervisor.job_ids()] == [job.job_id]
        await parked(house, job)
        gc.collect()

        assert actor() is None
        assert trio.lowlevel.current_statistics().tasks_living == tasks
        assert [*house.supervisor.job_ids()] == []


async def test_a_run_is_not_parked_before_its_time(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await trio.sleep(PARK_AFTER - 1)

        assert not is_parked(house, job)


async def test_a_parked_run_answers_an_answer_and_goes_on(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open(ask_timeout=3600.0) as house:
        job = begin(house)
        [ask] = await asked(job)
        await parked(house, job)
        receipt = await answer(job, ask.ask_id)
        again = await answer(job, ask.ask_id)
        ending = await job.ended()
        await trio.sleep(7200)  # the timer finds nothing to wake

    assert isinstance(receipt, AnswerReceipt)
    assert isinstance(again, AnswerReceipt)
    assert receipt.answered == again.answered
    assert place.words.given == [{"text": "a"}]
    assert results(ending) == ["written"]
    assert text(ending) == "Let me. Done."


async def test_every_question_finds_a_parked_run_as_it_was(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        receipt = await taken(job, "Hurry.")
        before = await job.status()
        questions: list[Callable[[], Awaitable[Any]]] = [
            *(job.status, job.opened),
            lambda: found(job, receipt.steer.steer_id),
        ]
        answers: list[Any] = []
        for question in questions:
            await parked(house, job)
            answers.append(await question())
            assert not is_parked(house, job)
        status, created, steer = answers
        await parked(house, job)
        located = await job.locate("librechat", before.cursor)

    assert status == before
    assert created == before.snapshot.created
    assert isinstance(steer, SteerReceipt)
    assert steer.steer == receipt.steer
    assert located.cursor == before.cursor
    assert before.standing is Standing.REQUIRES_ACTION


async def test_a_cursor_holds_while_the_run_is_parked_and_after(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        [ask] = await asked(job)
        cursor = (await job.status()).cursor
        await parked(house, job)
        reader = Subscription(job, "librechat", cursor)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, job, ask.ask_id)
            first = await reader.receive()
        reader.leave()
        ending = await job.status()

    assert first.epoch == cursor.epoch == ending.cursor.epoch == 1
    assert first.seq > cursor.seq
    assert b"sync" not in first.data


async def test_a_reader_keeps_a_run_awake_until_the_reader_leaves(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        reader = Subscription(job, "librechat", "beginning")
        await reader.receive()
        await trio.sleep(10 * PARK_AFTER)
        assert not is_parked(house, job)
        reader.leave()
        await parked(house, job)


async def test_whoever_waits_for_the_ending_keeps_a_run_awake_until_he_leaves(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        with trio.move_on_after(10 * PARK_AFTER):
            await job.ended()
        assert not is_parked(house, job)
        await parked(house, job)


async def test_a_run_whose_log_is_not_written_is_not_parked(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        place.journal.hold()
        receive = trio.Event()

        async def steer_in_vain() -> None:
            await taken(job, "Hurry.")
            receive.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(steer_in_vain)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await trio.sleep(10 * PARK_AFTER)
        assert not is_parked(house, job)
        place.journal.release()
        await parked(house, job)
        status = await job.status()

    assert [each.text for each in status.snapshot.waiting_steers] == ["Hurry."]


async def test_a_run_without_a_journal_is_not_parked(autojump_clock: MockClock) -> None:
    place = Place()
    place.journal.close()
    async with open_runs(
        place.words.tool, records=place.records, journal_store=place.store, has_journal=False
    ) as house:
        job = begin(house)
        [ask] = await asked(job)
        await trio.sleep(10 * PARK_AFTER)
        assert not is_parked(house, job)
        await answer(job, ask.ask_id)
        assert isinstance(await job.ended(), Finished)


async def test_a_run_whose_other_tool_works_is_not_parked(autojump_clock: MockClock) -> None:
    place = Place()
    done = trio.Event()

    async def work(arguments: object) -> str:
        await done.wait()
        return "read"

    read = CountedTool("read", work)
    helper = agent(
        "helper", calls(call("write"), call("read")), {"text": "Done."}, tools=["write", "read"]
    )
    helper = replace(helper, approval={"write": "ask"})
    async with open_runs(
        place.words.tool, read, records=place.records, journal_store=place.store
    ) as house:
        job = begin(house, agents=(helper,))
        await asked(job)
        await trio.sleep(10 * PARK_AFTER)
        assert not is_parked(house, job)
        done.set()
        await parked(house, job)


async def test_all_parked_runs_can_be_woken(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        jobs = [begin(house, conversation_id=each) for each in (C1, C2)]
        await parked(house, *jobs)
        await house.supervisor.parking.wake_all()

        assert not house.supervisor.registry.parked
        assert len([*house.supervisor.registry]) == 2


async def test_two_questions_at_once_wake_a_run_once(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        [ask] = await asked(job)
        await parked(house, job)
        place.journal.hold()
        stands = []

        async def ask_status() -> None:
            stands.append(await job.status())

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask_status)
            await wait_all_tasks_blocked()
            place.journal.release()

        assert len(stands) == 20
        assert place.journal.reads == 1
        assert len([*house.supervisor.registry]) == 1
        assert ask.ask_id in {each.ask_id for each in stands[0].snapshot.open_asks}


async def wake(jobs: Iterable[JobRef]) -> Mapping[str, Status | StorageError]:
    """Ask all jobs at once; the replies by the ids of the jobs."""
    replies: dict[str, Status | StorageError] = {}

    async def ask(job: JobRef) -> None:
        try:
            replies[job.job_id] = await job.status()
        except StorageError as error:
            replies[job.job_id] = error

    async with trio.open_nursery() as nursery:
        for job in jobs:
            nursery.start_soon(ask, job)
    return replies


async def test_runs_that_are_asked_for_at_once_are_read_together(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open(max_running_jobs_per_user=500) as house:
        jobs = [begin(house, conversation_id=str(number)) for number in range(200)]
        await parked(house, *jobs)
        replies = await wake(jobs)

        assert {*map(standing, replies.values())} == {Standing.REQUIRES_ACTION}
        assert place.journal.reads == 200
        assert place.journal.readings <= 8


async def test_a_long_line_of_runs_is_no_storage_that_is_away(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open(max_running_jobs_per_user=500) as house:
        jobs = [begin(house, conversation_id=str(number)) for number in range(200)]
        await parked(house, *jobs)
        place.journal.takes = 4.0
        began = trio.current_time()
        replies = await wake(jobs)

        assert {*map(standing, replies.values())} == {Standing.REQUIRES_ACTION}
        assert trio.current_time() - began > 20


def standing(reply: Status | StorageError) -> Standing | None:
    return reply.standing if isinstance(reply, Status) else None


async def test_a_bug_about_one_run_leaves_the_others_their_jobs(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place()
    async with place.open() as house:
        jobs = [begin(house, conversation_id=str(number)) for number in range(5)]
        await parked(house, *jobs)
        read, odd = place.journal.read, jobs[2].job_id

        async def fall_over(job_id: str) -> Kept:
            if job_id == odd:
                raise RuntimeError
            return await read(job_id)

        monkeypatch.setattr(place.journal, "read", fall_over)
        replies = await wake(jobs)

        assert [job_id for job_id, reply in replies.items() if not standing(reply)] == [odd]
        assert "the log has the details" in str(replies[odd])
        assert [*house.supervisor.registry.parked] == [odd]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.random_module())
async def test_a_message_that_meets_the_parking_is_answered_by_the_next_job(
    autojump_clock: MockClock, random: object
) -> None:
    place = Place()
    async with place.open() as house:
        began = trio.current_time()
        job = begin(house)
        [ask] = await asked(job)
        receipts = []

        async def steer_when_parked() -> None:
            await trio.sleep_until(began + PARK_AFTER)
            receipts.append(await taken(job, "Hurry."))

        async with trio.open_nursery() as nursery:  # in the very round in which the run is parked
            for _ in range(5):
                nursery.start_soon(steer_when_parked)
        await answer(job, ask.ask_id)
        ending = await job.ended()

    assert len({each.steer.steer_id for each in receipts}) == 5
    assert told(ending) == ["Let me. ", *["[Hurry.]"] * 5, "Done."]
    assert place.words.given == [{"text": "a"}]


async def test_what_a_parked_job_still_does_is_no_part_of_its_log(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        [ask] = await asked(job)
        actor = house.job(job)
        actor.handle(ParkDue())
        actor.handle(Append((Answered(ask_id=ask.ask_id, decision="expired"),)))  # came too late
        await answer(job, ask.ask_id)
        ending = await job.ended()

    assert actor.state is State.PARKED
    assert actor.feed.ending is None
    assert results(ending) == ["written"]


async def test_a_run_expires_while_it_is_parked(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open(ask_timeout=3600.0) as house:
        job = begin(house)
        [ask] = await asked(job)
        await parked(house, job)
        await trio.sleep(3600)
        status = await job.status()

    assert isinstance(status.ending, Finished)
    assert status.snapshot.answers[ask.ask_id].decision == "expired"
    assert results(status.ending) == [EXPIRED]
    assert place.words.given == []


class GoneRuns:
    """A waker that finds nothing of the runs in the journal."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def reread(self, entries: Sequence[Parked]) -> Sequence[Recovered | None]:
        await trio.lowlevel.checkpoint()
        return [None for _ in entries]

    def unpark(self, entry: Parked, recovered: Recovered | None) -> None:
        self._registry.remove(entry)
        entry.ended.set()


async def test_the_timer_is_on_time_where_a_millisecond_is_no_whole_number(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """1,000 times 1.001 is a little less than 1001."""
    looks = count()

    def wall_clock() -> float:
        assert next(looks) < 100, "the timer is busy without a pause"
        return trio.current_time()

    registry = Registry()
    parking = Parking(registry, GoneRuns(registry), wall_clock, 1.0)
    turn = Turn(
        job_id="one",
        conversation_id=C1,
        message_id="question",
        response_id="answer",
        user="ann",
        model="scripted",
    )
    entry = Parked.of(turn, 1, 3, 1001, trio.Event())
    parking.add(entry)
    nursery.start_soon(parking.run)
    nursery.start_soon(parking.run_timer)
    await entry.ended.wait()
    nursery.cancel_scope.cancel()

    assert trio.current_time() == 1.001
    assert 1000 * 1.001 < 1001


async def test_many_runs_expire_one_after_another(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open(
        ask_timeout=3600.0, max_running_jobs_per_user=500, max_retained_bytes=0
    ) as house:
        jobs = []
        for number in range(70):
            jobs.append(begin(house, conversation_id=str(number)))
            await trio.sleep(1)
        await parked(house, *jobs)
        first = (await open_asks(jobs[0]))[0]
        await parked(house, *jobs)
        await trio.sleep(first.expires_at / 1000 - trio.current_time() + 10.5)

        assert len(house.supervisor.registry.parked) == 59
        await trio.sleep(100)
        assert len(house.supervisor.registry.parked) == 0


async def test_runs_whose_asks_expire_at_once_all_end(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open(ask_timeout=3600.0, max_running_jobs_per_user=500) as house:
        jobs = [begin(house, conversation_id=str(number)) for number in range(150)]
        await parked(house, *jobs)
        await trio.sleep(3600)

        assert len(house.supervisor.registry.parked) == 0
        assert isinstance((await jobs[-1].status()).ending, Finished)


async def test_a_run_that_is_looked_at_every_minute_has_one_place_in_the_timer(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        for _ in range(200):
            await parked(house, job)
            await job.status()

        assert len(house.supervisor.parking._timer) <= 70


async def test_a_run_that_expires_while_the_storage_is_away_expires_afterwards(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open(ask_timeout=3600.0) as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        place.journal.is_away = True
        await trio.sleep(3700)
        assert is_parked(house, job)
        place.journal.is_away = False
        await trio.sleep(10)
        assert isinstance((await job.status()).ending, Finished)


async def test_storage_that_is_away_leaves_a_run_parked_and_says_why(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        [ask] = await asked(job)
        await parked(house, job)
        place.journal.is_away = True
        with pytest.raises(StorageError, match="the disk is gone"):
            await job.status()
        place.journal.is_away = False
        place.records.fails = 1
        with pytest.raises(StorageError):
            await answer(job, ask.ask_id)
        assert is_parked(house, job)
        await answer(job, ask.ask_id)
        assert isinstance(await job.ended(), Finished)

    assert place.words.given == [{"text": "a"}]


async def test_storage_that_hangs_keeps_nobody_waiting_and_wakes_the_run_later(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        place.journal.hold()
        began = trio.current_time()
        with pytest.raises(StorageError, match="does not answer"):
            await job.status()
        assert trio.current_time() - began == pytest.approx(10)
        place.journal.release()
        status = await job.status()

        assert status.standing is Standing.REQUIRES_ACTION
        assert place.journal.reads == 1


async def test_a_bug_in_the_waking_is_said_and_logged(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place()

    async def fall_over(job_id: str) -> None:
        raise RuntimeError

    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        monkeypatch.setattr(place.journal, "read", fall_over)
        with pytest.raises(StorageError, match="the log has the details"):
            await job.status()
        monkeypatch.undo()
        assert (await job.status()).standing is Standing.REQUIRES_ACTION


async def test_a_stop_ends_a_parked_run(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        [ask] = await asked(job)
        await taken(job, "Hurry.")
        await parked(house, job)
        reply = await job.stop()
        status = await job.status()

    assert isinstance(reply.ending, Stopped)
    assert [each.text for each in reply.ending.unread] == ["Hurry."]
    assert status.snapshot.answers[ask.ask_id].decision == "cancel"
    assert place.words.given == []


async def test_a_start_finds_a_parked_run_as_any_other(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        jobs = LocalJobs(house.supervisor)
        job = begin(house)
        [ask] = await asked(job)
        await parked(house, job)
        with pytest.raises(Busy):
            await jobs.start(house.turn(), "reject")
        queued = await jobs.start(house.turn(model="scripted", text="next"), "enqueue")
        await queued.job.queued()
        await trio.sleep(10 * PARK_AFTER)
        assert is_parked(house, job)
        waits = await queued.job.status()
        await answer(job, ask.ask_id)
        await job.ended()
        ending = await queued.job.ended()

    assert queued.queued
    assert waits.snapshot.created is None
    assert isinstance(ending, Finished)


async def test_a_start_stops_a_parked_run(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        started = await LocalJobs(house.supervisor).start(
            house.turn(model="scripted", text="other"), "interrupt"
        )
        created = await started.job.opened()
        first = await job.status()

    assert isinstance(first.ending, Stopped)
    assert not isinstance(created, Failed)


async def test_a_start_that_cannot_stop_a_parked_run_is_refused_at_once(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        place.journal.is_away = True
        with pytest.raises(StorageError):
            await LocalJobs(house.supervisor).start(house.turn(), "interrupt")
        assert [*house.supervisor.registry] == []

        later = house.start(model="scripted", text="other")  # whoever starts all the same waits
        await trio.sleep(5)
        place.journal.is_away = False
        await later.opened()
        assert isinstance((await job.status()).ending, Stopped)


async def test_parked_runs_count_for_their_user_and_not_for_the_process(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open(max_running_jobs=2, max_running_jobs_per_user=3) as house:
        supervisor = house.supervisor
        jobs = [begin(house, conversation_id=str(number)) for number in range(2)]
        with pytest.raises(TooManyForServer):
            begin(house, conversation_id="2")
        await parked(house, *jobs)
        begin(house, conversation_id="2")
        with pytest.raises(TooManyForUser):
            begin(house, conversation_id="3")
        other = begin(house, conversation_id="3", user="bob")

        assert supervisor.registry.running_count() == 2
        assert [*await house.jobs.active("ann")] == ["0", "1", "2"]
        assert await house.jobs.expected("ann", "0") == [jobs[0].message_id, jobs[0].response_id]
        assert supervisor.whereis("3") is other
        with pytest.raises(TooManyForServer):
            begin(house, conversation_id="4", user="bob")


async def test_the_same_request_joins_a_parked_run(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house, request_id="r")
        await asked(job)
        await parked(house, job)
        again = house.jobs.start_now(house.turn(request_id="r"), "interrupt")
        status = await again.job.status()

    assert again.joined
    assert again.job.job_id == job.job_id
    assert status.standing is Standing.REQUIRES_ACTION


async def test_a_parked_run_is_found_by_its_conversation(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        current, named = house.supervisor.whereis(C1), house.supervisor.whereis(job.job_id)
        assert current is not None
        assert named is not None
        sink = ChannelSink()
        await current.subscribe("numbers", "beginning", sink)
        await named.stop()
        gone = house.supervisor.whereis(C2)

    assert gone is None
    assert current.conversation_id == C1
    assert (current.job_id, named.job_id) == (job.job_id, job.job_id)
    assert (current.message_id, current.response_id) == (job.message_id, job.response_id)
    assert current.user == "ann"
    assert (await sink.receive()).seq > 0


async def test_a_conversation_is_let_go_of_with_its_parked_run(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        jobs = LocalJobs(house.supervisor)
        job = begin(house)
        await asked(job)
        await parked(house, job)
        place.journal.is_away = True
        with pytest.raises(StorageError):
            await jobs.close_conversation("ann", C1)
        place.journal.is_away = False
        await jobs.close_conversation("ann", C1)
        assert house.supervisor.whereis(C1) is None
        with pytest.raises(ActorStopped):
            await job.status()
        await jobs.discard(job.job_id)  # nothing is there any more
        await house.supervisor.written()

    assert place.store.stored_logs == {}


async def test_a_conversation_is_let_go_of_while_its_run_is_being_parked(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        jobs = LocalJobs(house.supervisor)
        for _ in range(8):  # in each round Trio chooses anew what the run hears of first
            job = begin(house)
            await asked(job)
            begun_at = trio.current_time()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(house.job(job)._mailbox.ref.tell, ParkDue())
                nursery.start_soon(jobs.close_conversation, "ann", C1)
            assert trio.current_time() == begun_at
        await house.supervisor.written()

    assert place.store.stored_logs == {}


async def test_a_run_whose_conversation_is_gone_is_forgotten(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        ref = house.supervisor.whereis(C1)
        assert ref is not None
        await place.records.delete_conversation(C1)
        with pytest.raises(ActorStopped):
            await job.status()
        with pytest.raises(ActorStopped):
            await ref.status()
        assert house.supervisor.whereis(C1) is None

    assert place.store.stored_logs == {}


async def test_a_run_whose_log_was_lost_ends_and_says_so(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        [ask] = await asked(job)
        cursor = (await job.status()).cursor
        await parked(house, job)
        place.store.stored_logs[job.job_id].entries.pop()
        status = await job.status()
        late = await answer(job, ask.ask_id)

    assert isinstance(status.ending, Failed)
    assert status.cursor.epoch == cursor.epoch + 1
    assert not isinstance(late, AnswerReceipt)
    assert place.words.given == []


async def test_a_run_whose_answer_is_stored_ended_though_its_log_says_that_it_waits(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        [ask] = await asked(job)
        await house.supervisor.written()
        kept = [*place.store.stored_logs[job.job_id].entries]
        await answer(job, ask.ask_id)
        ending = await job.ended()
        await house.supervisor.written()
        log = place.store.stored_logs[job.job_id]
        log.entries, log.marked_done = kept, False  # the journal came back without the rest
    async with place.open() as house:
        again = begin_again(house)
        assert is_parked(house, again)
        status = await again.status()

    assert status.ending is not None
    assert status.ending.response == ending.response
    assert place.words.given == [{"text": "a"}]


async def test_a_run_of_which_nothing_is_left_ends_and_says_so(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        place.store.stored_logs.clear()
        status = await job.status()
        assert house.supervisor.whereis(C1) is not None

    assert isinstance(status.ending, Failed)


async def test_a_run_that_ends_as_it_is_woken_is_stored_at_the_next_try(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*answer: object, **facts: object) -> None:
        raise StorageError("away")

    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        log = place.store.stored_logs[job.job_id]
        del log.entries[1:]
        with monkeypatch.context() as patched:
            patched.setattr(place.records, "close_turn", refuse)
            with pytest.raises(StorageError):
                await job.status()
        status = await job.status()
        await trio.sleep(1)

        assert isinstance(status.ending, Failed)
        assert place.store.stored_logs[job.job_id].marked_done


async def test_a_run_that_another_process_owns_is_let_go_of(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        log = place.store.stored_logs[job.job_id]
        seq = log.entries[-1].last + 1
        log.add(Entries(job.job_id, 2, seq, (TextDelta(0, "more"),)), "another")
        with pytest.raises(ActorStopped):
            await job.status()
        assert house.supervisor.whereis(job.job_id) is None


async def test_a_run_that_is_lost_while_it_is_woken_stays_lost(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        await parked(house, job)
        place.journal.hold()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(raises_stopped, job)
            await wait_all_tasks_blocked()
            entry = house.supervisor.registry.parked[job.job_id]
            house.supervisor.lose(entry)
            assert entry.ended.is_set()
            place.journal.release()
        assert house.supervisor.whereis(job.job_id) is None


async def test_a_run_that_is_lost_before_it_is_read_stays_lost(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        first, second = (begin(house, conversation_id=name) for name in "ab")
        await parked(house, first, second)
        place.journal.hold()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first.status)
            await wait_all_tasks_blocked()
            nursery.start_soon(raises_stopped, second)
            await wait_all_tasks_blocked()
            house.supervisor.lose(house.supervisor.registry.parked[second.job_id])
            place.journal.release()


async def raises_stopped(job: JobRef) -> None:
    with pytest.raises(ActorStopped):
        await job.status()


async def test_parked_runs_are_counted(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        before = house.supervisor.statistics()
        await parked(house, job)
        while_parked = house.supervisor.statistics()
        await job.status()
        after = house.supervisor.statistics()

    assert (before.jobs[State.RUNNING], before.jobs[State.PARKED]) == (1, 0)
    assert (while_parked.jobs[State.RUNNING], while_parked.jobs[State.PARKED]) == (0, 1)
    assert before.events == while_parked.events == after.events > 0
    assert (before.started, after.started) == (1, 1)


async def test_a_process_that_ends_leaves_its_parked_runs_to_the_next(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        [ask] = await asked(job)
        await parked(house, job)
        house.supervisor.drain.refuse_starts()
        with pytest.raises(StorageError, match="shutting down"):
            await job.status()
        await house.supervisor.drain.ended()
    async with place.open() as house:
        job = begin_again(house)
        assert is_parked(house, job)
        assert [*house.supervisor.registry] == []
        await answer(job, ask.ask_id)
        ending = await job.ended()

    assert isinstance(ending, Finished)
    assert place.words.given == [{"text": "a"}]


def begin_again(house: House) -> JobRef:
    """The run as the next process has it."""
    job = house.supervisor.whereis(C1)
    assert job is not None
    return job


async def test_a_shutdown_does_not_wait_for_a_run_that_waits(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        await asked(begin(house))
        house.supervisor.drain.refuse_starts()
        with trio.fail_after(1):
            await house.supervisor.drain.ended()


async def test_a_queued_turn_waits_behind_a_parked_run_in_the_next_process(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        [ask] = await asked(job)
        queued = house.start("enqueue", model="scripted", text="next")
        assert isinstance(await queued.queued(), Queued)
    async with place.open() as house:
        first, second = (house.supervisor.whereis(each) for each in (job.job_id, queued.job_id))
        assert first is not None
        assert second is not None
        await trio.sleep(10 * PARK_AFTER)
        assert is_parked(house, first)
        assert (await second.status()).snapshot.created is None
        await answer(first, ask.ask_id)
        assert isinstance(await first.ended(), Finished)
        assert isinstance(await second.ended(), Finished)


async def test_what_is_recovered_of_a_waiting_run_is_an_entry(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house, instructions="Be kind.", parameters={"rate": 0})
        [ask] = await asked(job)
    [entry] = await Recovery(AwayJournal(place.store), place.records).all()

    assert not isinstance(entry, Recovered)
    assert entry.expires_at == ask.expires_at
    assert (entry.turn.agents, entry.turn.text, entry.turn.instructions) == ((), "", None)
    assert entry.epoch == 2


async def test_a_parked_run_takes_at_most_two_kibibytes(autojump_clock: MockClock) -> None:
    place = Place()
    async with place.open() as house:
        few, many = (memory_of_entries(house, count) for count in (1000, 3000))

    assert (many - few) / 2000 <= 2048


def memory_of_entries(house: House, count: int) -> int:
    """Bytes of so many parked runs of as many users, with ids as long as real ones."""
    gc.collect()
    tracemalloc.start()
    for _ in range(count):
        ids = [str(uuid4()) for _ in range(6)]
        house.supervisor.parking.add(parked_turn(house.turn(**dict(zip(FIELDS, ids, strict=True)))))
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size


FIELDS = ("job_id", "conversation_id", "message_id", "response_id", "user", "request_id")


def parked_turn(turn: Turn) -> Parked:
    agents = (asking(call("write", text="a")),)
    whole = replace(turn, agents=agents, text="x" * 10_000, request_digest=uuid4().hex * 2)
    return Parked.of(whole, 1, 7, int(1e12), trio.Event())


async def test_a_cursor_of_the_former_process_holds_in_a_woken_run(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        job = begin(house)
        await asked(job)
        cursor = (await job.status()).cursor
    async with place.open() as house:
        job = begin_again(house)
        located = await job.locate("librechat", cursor)
        status = await job.status()
        await parked(house, job)
        again = await job.locate("librechat", cursor)

    assert located.cursor == again.cursor == cursor
    assert status.cursor == Cursor(job.job_id, 2, cursor.seq)
