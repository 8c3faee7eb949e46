"""The jobs of dead replicas: jobs in need come by themselves, the rest when somebody asks."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.cluster.failover import Failover
from legato.actors.durability.takeover import TakeoverPolicy
from legato.content import Conversation, Message
from legato.events import AnyEvent, Created, Finished, Queued, StepStarted, TextDelta
from legato.storage.contracts.journal import Entries, Kept, OrphanedJob
from legato.storage.memory.journal import JournalStore, MemoryJournal
from tests.support.actors import C1, House, open_house

RETENTION = 100.0

QUESTION = Message(message_id="q", conversation_id=C1, parent_message_id="p", text="hello")
SAID: Sequence[AnyEvent] = (
    Created(QUESTION, "a", "played"),
    StepStarted(0, "text"),
    TextDelta(0, "so far"),
)


class SlowJournal(MemoryJournal):
    """Counts the jobs read; `free` lets `take_over` return."""

    def __init__(self, journal_store: JournalStore) -> None:
        super().__init__(journal_store)
        self.free = trio.Event()
        self.free.set()
        self.read_: list[str] = []

    async def take_over(self) -> Sequence[OrphanedJob]:
        taken = await super().take_over()
        await self.free.wait()
        return taken

    async def read(self, job_id: str) -> Kept:
        self.read_.append(job_id)
        return await super().read(job_id)


@asynccontextmanager
async def taking_over() -> AsyncIterator[tuple[House, SlowJournal, Failover]]:
    """A journal left by a dead replica with a running job, `r`, and an ended job, `e`."""
    journal_store = JournalStore()
    left_journal = MemoryJournal(journal_store)
    for job_id, events in (("r", SAID), ("e", [*SAID, Finished(request=QUESTION)])):
        await left_journal.append([Entries(job_id, 1, 1, tuple(events))])
    await left_journal.mark_done(["e"])
    left_journal.close()
    async with open_house() as house, trio.open_nursery() as nursery:
        await house.records.open_turn(
            Conversation(conversation_id=C1, user="ann", model="played"), QUESTION
        )
        journal = SlowJournal(journal_store)
        yield (
            house,
            journal,
            Failover(
                nursery, house.supervisor, journal, house.records, TakeoverPolicy(), RETENTION
            ),
        )


async def test_what_has_no_ending_comes_by_itself(autojump_clock: MockClock) -> None:
    async with taking_over() as (house, journal, failover):
        await failover.take_over()
        await failover.arrived("r")
        job = house.supervisor.registry.find("r")
        assert job is not None
        assert job.feed.ending is not None
        assert journal.read_ == ["r"]


async def test_nobody_asks_a_job_of_an_earlier_epoch_while_its_next_owner_reads_the_log(
    autojump_clock: MockClock,
) -> None:
    async with taking_over() as (house, _, failover):
        house.start(job_id="r")
        former = house.supervisor.registry.find("r")
        await failover.take_over()
        assert house.supervisor.registry.find("r") is None
        await failover.arrived("r")
        job = house.supervisor.registry.find("r")

    assert former is not None
    assert job is not None
    assert (former.epoch, job.epoch) == (1, 2)


async def test_what_has_ended_comes_when_somebody_asks(autojump_clock: MockClock) -> None:
    async with taking_over() as (house, journal, failover):
        await failover.take_over()
        await failover.take_over()
        await wait_all_tasks_blocked()
        assert house.supervisor.registry.find("e") is None
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(failover.arrived, "e")
        assert house.supervisor.registry.find("e") is not None
        assert sorted(journal.read_) == ["e", "r"]


async def test_what_nobody_asks_for_in_time_is_forgotten(autojump_clock: MockClock) -> None:
    async with taking_over() as (house, journal, failover):
        await failover.take_over()
        await failover.arrived("r")
        await trio.sleep(RETENTION + 1)
        await failover.take_over()
        await failover.arrived("e")
        assert house.supervisor.registry.find("e") is None
        assert (await journal.read("e")).entries == []


async def test_who_asks_while_something_is_taken_over_waits(autojump_clock: MockClock) -> None:
    async with taking_over() as (house, journal, failover), trio.open_nursery() as nursery:
        journal.free = trio.Event()
        arrived: list[str] = []

        async def ask(job_id: str) -> None:
            await failover.arrived(job_id)
            arrived.append(job_id)

        nursery.start_soon(failover.take_over)
        await wait_all_tasks_blocked()
        nursery.start_soon(ask, "e")
        nursery.start_soon(ask, "unknown")
        await wait_all_tasks_blocked()
        assert arrived == []
        journal.free.set()
        await wait_all_tasks_blocked()
        assert sorted(arrived) == ["e", "unknown"]
        assert house.supervisor.registry.find("e") is not None


class ReportingOnce(MemoryJournal):
    """Reports each orphaned job once, as the journal in Redis does."""

    def __init__(self, journal_store: JournalStore) -> None:
        super().__init__(journal_store)
        self._reported: set[tuple[str, int]] = set()

    async def take_over(self) -> Sequence[OrphanedJob]:
        new = [each for each in await super().take_over() if not self._is_reported(each)]
        self._reported |= {(each.job_id, each.epoch) for each in new}
        return new

    def _is_reported(self, job: OrphanedJob) -> bool:
        return (job.job_id, job.epoch) in self._reported


async def test_a_job_that_changes_hands_while_it_is_recovered_is_recovered_as_it_is_then(
    autojump_clock: MockClock,
) -> None:
    journal_store = JournalStore()
    left_journal = MemoryJournal(journal_store)
    await left_journal.append([Entries("r", 1, 1, tuple(SAID))])
    left_journal.close()
    async with open_house() as house, trio.open_nursery() as nursery:
        await house.records.open_turn(
            Conversation(conversation_id=C1, user="ann", model="played"), QUESTION
        )
        journal = ReportingOnce(journal_store)
        parts = nursery, house.supervisor, journal, house.records, TakeoverPolicy(), RETENTION
        failover = Failover(*parts)
        house.records.down = True
        await failover.take_over()
        await trio.sleep(5)
        between = MemoryJournal(journal_store)
        journal_store.closed.add(journal.me)  # the replica was taken for dead …
        assert len(await between.take_over()) == 1
        between.close()
        journal_store.closed.discard(journal.me)  # … and the replica that took over is dead, too
        await failover.take_over()
        house.records.down = False
        await failover.arrived("r")
        job = house.supervisor.registry.find("r")
        assert job is not None
        assert job.feed.epoch == 4
        assert job.feed.ending is not None


async def test_a_queued_turn_of_who_is_gone_is_asked_here(autojump_clock: MockClock) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        journal_store = JournalStore()
        left_journal = MemoryJournal(journal_store)
        await left_journal.append([Entries("q", 1, 1, (house.turn(job_id="q").queued(),))])
        left_journal.close()
        parts = (
            nursery,
            house.supervisor,
            MemoryJournal(journal_store),
            house.records,
            TakeoverPolicy(),
        )
        failover = Failover(*parts, RETENTION)
        await failover.take_over()
        await failover.arrived("q")
        job = house.supervisor.registry.find("q")
        assert job is not None
        house.model.say("well")
        house.model.finish()
        ending = await job.ref.ended()
        assert isinstance(ending, Finished)
        assert [type(event) for event in job.feed.log.events(0, 2)] == [Queued, Created]
