"""The promises of every implementation of Journal."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from legato.actors.durability.replay import Replay as Story
from legato.content import Part, TextPart, ToolCall, Usage
from legato.events import (
    AnyEvent,
    ArgumentsDelta,
    Created,
    Failed,
    Finished,
    ReasoningDelta,
    StepCompleted,
    StepStarted,
    Stopped,
    TextDelta,
)
from legato.requests import ApiRequest
from legato.storage.contracts.errors import StorageError, UnstorableText
from legato.storage.contracts.journal import Entries, Journal, Kept, OrphanedJob, Refusal
from legato.storage.contracts.replication import Replication
from legato.storage.memory.journal import JournalStore, MemoryJournal
from legato.storage.open import open_storage
from legato.storage.redis.replication import open_replication
from tests.storage.conftest import DATABASES, fixture
from tests.support.storage.turns import answer, conversation, question
from tests.support.storage.worlds import LEASE, Die, World

CALL = ToolCall("t", "find", '{"q": 1}', output="it", progress=1.0)
KEPT: tuple[Part, ...] = (TextPart("so"),)
EVENTS: tuple[AnyEvent, ...] = (
    Created(question(), "a1", "model", KEPT, 3),
    StepStarted(0, "text"),
    TextDelta(0, 'Hi \0 "there" 👋\n'),
    StepStarted(1, "think"),
    ReasoningDelta(1, "hm"),
    StepStarted(2, "tool_call", ToolCall("t", "find")),
    ArgumentsDelta(2, '{"q": 1}'),
    StepCompleted(2, CALL),
    Finished(request=question(), response=answer(), conversation=conversation(), reason="length"),
)


class Looking:
    """A journal whose owners are replicas; looks for gone replicas before a takeover."""

    def __init__(self, replica: Replication) -> None:
        self._replica = replica
        self.append = replica.journal.append
        self.read = replica.journal.read
        self.read_all = replica.journal.read_all
        self.mark_done = replica.journal.mark_done
        self.forget = replica.journal.forget
        self.abandon = replica.journal.abandon

    async def take_over(self) -> Sequence[OrphanedJob]:
        await self._replica.liveness.beat()
        return await self._replica.journal.take_over()


class Desk:
    """Journals on the same storage, each with its own owner, as if in its own process."""

    def __init__(self, stack: AsyncExitStack, url: str) -> None:
        self._stack = stack
        self._url = url
        self._store = JournalStore()

    async def open(self) -> tuple[Journal, Die]:
        """A journal, and the death of its owner."""
        if self._url == "memory://":
            memory = MemoryJournal(self._store)

            async def close() -> None:
                memory.close()

            return memory, close
        if self._url.startswith("redis"):
            url = self._url
            world = World(self._stack, lambda: open_replication(url, prefix="test", lease=LEASE))
            replica, die = await world.open()
            return Looking(replica), die
        mine = AsyncExitStack()
        storage = await mine.enter_async_context(open_storage(self._url))
        self._stack.push_async_exit(mine)
        assert storage.journal is not None
        return storage.journal, mine.aclose


@pytest.fixture(params=[*DATABASES, "redis_server", "redis_cluster"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    if request.param == "memory":
        url = "memory://"
    elif request.param in DATABASES:
        url = fixture(request, f"{request.param}_url")
    else:
        url = request.getfixturevalue(request.param).url
    async with AsyncExitStack() as stack:
        yield Desk(stack, url)


@pytest.fixture
async def journal(desk: Desk) -> Journal:
    return (await desk.open())[0]


async def test_every_event_comes_back_as_it_was(journal: Journal) -> None:
    said = [Entries("j", 1, 1, EVENTS[:4]), Entries("j", 2, 5, EVENTS[4:])]
    for entries in said:
        assert [*await journal.append([entries])] == []

    assert await journal.read("j") == Kept(said)


@pytest.mark.parametrize(
    "ending",
    [
        Stopped(usage=Usage(1, 2, 3), unsaved=True),
        Failed(reason="r", message="m", request=question()),
        Finished(usage=Usage(10**30, 0, 0)),
    ],
)
async def test_every_ending_does(ending: AnyEvent, journal: Journal) -> None:
    await journal.append([Entries("j", 1, 1, (EVENTS[0], ending))])

    assert [each.events for each in (await journal.read("j")).entries] == [(EVENTS[0], ending)]


async def test_jobs_do_not_mix(journal: Journal) -> None:
    one, other = Entries("j1", 1, 1, EVENTS[:2]), Entries("j2", 1, 1, EVENTS[:1])
    await journal.append([one, other])
    await journal.append([Entries("j2", 1, 2, EVENTS[1:3])])

    assert (await journal.read("j1")).entries == [one]
    assert [each.first for each in (await journal.read("j2")).entries] == [1, 2]
    assert await journal.read("j3") == Kept([])


async def test_logs_read_together_are_those_read_one_by_one(journal: Journal) -> None:
    ids = [f"j{number}" for number in range(40)]
    await journal.append([Entries(each, 1, 1, EVENTS[:2]) for each in ids])
    await journal.append([Entries(each, 1, 3, EVENTS[2:5]) for each in ids[::2]])
    asked = [*reversed(ids), "unknown"]
    logs = await journal.read_all(asked)

    assert list(logs) == [await journal.read(each) for each in asked]
    assert [len(kept.entries) for kept in logs] == [1, 2] * 20 + [0]
    assert list(await journal.read_all([])) == []


async def test_what_is_appended_twice_is_there_once(journal: Journal) -> None:
    entries = Entries("j", 1, 1, EVENTS[:2])
    assert [*await journal.append([entries])] == []
    assert [*await journal.append([entries])] == []

    assert (await journal.read("j")).entries == [entries]


async def test_who_repeats_may_have_more_to_say(journal: Journal) -> None:
    for count in (2, 4, 3):
        assert [*await journal.append([Entries("j", 1, 1, EVENTS[:count])])] == []
    kept = await journal.read("j")

    assert heard(kept) == [*EVENTS[:4]]
    assert kept.fault is None


async def test_what_overlaps_is_heard_once_by_who_reads_on(journal: Journal) -> None:
    await journal.append([Entries("j", 1, 1, EVENTS[:1])])
    await journal.append([Entries("j", 1, 2, EVENTS[1:4])])
    await journal.append([Entries("j", 1, 1, EVENTS[:6])])

    assert heard(await journal.read("j")) == [*EVENTS[:6]]


def heard(kept: Kept) -> Sequence[AnyEvent]:
    """The events for a reader who skips repeated positions."""
    events: list[AnyEvent] = []
    for entries in kept.entries:
        assert entries.first <= len(events) + 1
        events += entries.events[len(events) + 1 - entries.first :]
    return events


async def test_what_a_former_owner_appends_is_refused(desk: Desk) -> None:
    former, die = await desk.open()
    await former.append([Entries("j", 1, 1, EVENTS[:2])])
    await die()
    successor, _ = await desk.open()
    [taken] = await successor.take_over()
    assert taken.epoch == 2

    for first in (1, 3):
        late = Entries("j", 1, first, EVENTS[:3])
        assert [*await successor.append([late])] == [Refusal("j", "fenced")]
    assert [*await successor.append([Entries("j", 2, 3, EVENTS[2:3])])] == []
    kept = [Entries("j", 1, 1, EVENTS[:2]), Entries("j", 2, 3, EVENTS[2:3])]
    assert await successor.read("j") == Kept(kept)


async def test_a_later_owner_who_could_not_read_it_all_is_the_one_who_is_heard(desk: Desk) -> None:
    former, die = await desk.open()
    await former.append([Entries("j", 1, 1, EVENTS[:1])])
    await former.append([Entries("j", 1, 2, EVENTS[1:])])
    await die()
    successor, _ = await desk.open()
    await successor.take_over()
    sealing = Entries("j", 2, 2, (Failed(reason="r", message="m"),))
    assert [*await successor.append([sealing])] == []

    assert Story(await successor.read("j")).events == [EVENTS[0], *sealing.events]


async def test_what_has_no_beginning_here_is_refused(journal: Journal) -> None:
    later = Entries("j", 1, 3, EVENTS[2:4])
    assert [*await journal.append([later])] == [Refusal("j", "forgotten")]
    assert await journal.read("j") == Kept([])

    whole = Entries("j", 1, 1, EVENTS[:4])
    assert [*await journal.append([whole])] == []
    assert await journal.read("j") == Kept([whole])


async def test_what_leaves_a_gap_is_refused_and_all_may_be_told_again(journal: Journal) -> None:
    await journal.append([Entries("j", 1, 1, EVENTS[:3])])
    for first in (5, 6):
        later = Entries("j", 1, first, EVENTS[first - 1 : first])
        assert [*await journal.append([later])] == [Refusal("j", "forgotten")]
    assert heard(await journal.read("j")) == [*EVENTS[:3]]
    assert [*await journal.append([Entries("j", 1, 1, EVENTS[:6])])] == []

    assert [*await journal.append([Entries("j", 1, 7, EVENTS[6:])])] == []
    assert heard(await journal.read("j")) == [*EVENTS]


async def test_all_may_be_told_again_in_pieces(journal: Journal) -> None:
    await journal.append([Entries("j", 1, 1, EVENTS[:3])])
    await journal.append([Entries("j", 1, 4, EVENTS[3:5])])
    for start in range(0, len(EVENTS), 2):
        again = Entries("j", 1, start + 1, EVENTS[start : start + 2])
        assert [*await journal.append([again])] == []

    assert heard(await journal.read("j")) == [*EVENTS]


async def test_a_later_owner_leaves_no_gap_either(desk: Desk) -> None:
    former, die = await desk.open()
    await former.append([Entries("j", 1, 1, EVENTS[:3])])
    await die()
    successor, _ = await desk.open()
    await successor.take_over()
    above = Entries("j", 2, 5, EVENTS[4:5])
    assert [*await successor.append([above])] == [Refusal("j", "forgotten")]
    within = Entries("j", 2, 2, EVENTS[1:2])
    assert [*await successor.append([within])] == []

    behind_the_former = Entries("j", 2, 4, EVENTS[3:4])
    assert [*await successor.append([behind_the_former])] == [Refusal("j", "forgotten")]
    assert [*await successor.append([Entries("j", 2, 3, EVENTS[2:])])] == []
    assert Story(await successor.read("j")).events == [*EVENTS]


async def test_who_tells_it_again_with_a_later_epoch_has_the_job(desk: Desk) -> None:
    """The journal lost a takeover; the former owner was the first to tell the log again."""
    former, _ = await desk.open()
    await former.append([Entries("j", 1, 1, EVENTS[:5])])
    owner, die = await desk.open()
    assert [*await owner.append([Entries("j", 3, 1, EVENTS[:4])])] == []
    for late in (Entries("j", 1, 6, EVENTS[5:]), Entries("j", 3, 5, EVENTS[4:])):
        assert [*await former.append([late])] == [Refusal("j", "fenced")]
    assert [*await owner.append([Entries("j", 3, 5, EVENTS[4:])])] == []
    await former.mark_done(["j"])
    await former.forget(["j"])
    assert Story(await owner.read("j")).events == [*EVENTS]
    await die()

    assert [*await former.take_over()] == [OrphanedJob("j", 4, 1, False)]


async def test_a_job_has_its_place_before_anything_is_said(desk: Desk) -> None:
    journal, die = await desk.open()
    place = Entries("j", 1, 1, ())
    for _ in range(2):
        assert [*await journal.append([place])] == []
    assert await journal.read("j") == Kept([])
    await die()
    successor, _ = await desk.open()
    assert [*await successor.take_over()] == [OrphanedJob("j", 2, 1, False)]
    assert [*await successor.append([place])] == [Refusal("j", "fenced")]
    assert [*await successor.append([Entries("j", 2, 1, EVENTS)])] == []

    assert heard(await successor.read("j")) == [*EVENTS]


async def test_to_make_a_place_again_takes_nothing_away(desk: Desk) -> None:
    journal, die = await desk.open()
    await journal.append([Entries("j", 1, 1, EVENTS[:2])])
    assert [*await journal.append([Entries("j", 1, 1, ())])] == []
    await die()
    successor, _ = await desk.open()
    await successor.take_over()
    batch = [Entries("j", 2, 1, ()), Entries("k", 1, 1, EVENTS[:1])]
    assert [*await successor.append(batch)] == []
    assert [*await successor.append([Entries("j", 2, 3, EVENTS[2:])])] == []

    assert heard(await successor.read("j")) == [*EVENTS]


async def test_what_was_forgotten_may_be_told_from_its_beginning(desk: Desk) -> None:
    former, die = await desk.open()
    await former.append([Entries("j", 1, 1, EVENTS[:2])])
    await die()
    journal, die = await desk.open()
    await journal.take_over()
    await journal.forget(["j"])
    assert [*await journal.append([Entries("j", 2, 3, EVENTS[2:4])])] == [Refusal("j", "forgotten")]
    assert [*await journal.append([Entries("j", 2, 1, EVENTS[:4])])] == []
    await die()

    assert [job.epoch for job in await (await desk.open())[0].take_over()] == [3]


async def test_a_former_owner_makes_nothing_of_what_was_forgotten(desk: Desk) -> None:
    former, die = await desk.open()
    await former.append([Entries("j", 1, 1, EVENTS[:2])])
    await die()
    successor, die = await desk.open()
    await successor.take_over()
    await successor.forget(["j"])
    await successor.forget(["j"])
    for late in (
        Entries("j", 1, 1, EVENTS),
        Entries("j", 1, 3, EVENTS[2:]),
        Entries("j", 1, 1, ()),
    ):
        assert [*await successor.append([late])] == [Refusal("j", "fenced")]
    await successor.mark_done(["j"])
    assert await successor.read("j") == Kept([])
    await die()

    last, _ = await desk.open()
    assert await last.take_over() == []
    assert await last.read("j") == Kept([])


async def test_one_that_is_refused_does_not_cost_the_others_a_word(desk: Desk) -> None:
    former, die = await desk.open()
    await former.append([Entries("taken", 1, 1, EVENTS[:2])])
    await die()
    journal, _ = await desk.open()
    await journal.take_over()
    await journal.append([Entries("goes on", 1, 1, EVENTS[:2])])
    batch = [
        Entries("begins", 1, 1, EVENTS[:1]),
        Entries("taken", 1, 3, EVENTS[2:3]),
        Entries("goes on", 1, 3, EVENTS[2:3]),
        Entries("unknown", 1, 3, EVENTS[2:3]),
        Entries("repeats", 1, 1, EVENTS[:1]),
    ]
    await journal.append(batch[-1:])
    refusals = await journal.append(batch)

    assert {*refusals} == {Refusal("taken", "fenced"), Refusal("unknown", "forgotten")}
    assert len(refusals) == 2
    for job_id, events in (("begins", 1), ("taken", 2), ("goes on", 3), ("repeats", 1)):
        assert heard(await journal.read(job_id)) == [*EVENTS[:events]]
    assert await journal.read("unknown") == Kept([])


async def test_nothing_to_append_is_no_error(journal: Journal) -> None:
    assert [*await journal.append([])] == []
    await journal.mark_done([])
    await journal.forget([])


def echoing(value: object) -> Created:
    asked = ApiRequest(api="responses", user="ann", model="m", echo={"x": value})
    return Created(question(), "a1", "model", api_request=asked)


def nested(levels: int) -> object:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


UNSTORABLE: dict[str, AnyEvent] = {
    "a surrogate": TextDelta(0, "\ud800"),
    "an object": echoing(object()),
    "a key that is no text": echoing({("a",): 1}),
    "an integer of 5,000 digits": echoing(10**5000),
    "too many levels": echoing(nested(10_000)),
}


@pytest.mark.parametrize("event", UNSTORABLE.values(), ids=UNSTORABLE)
async def test_nothing_is_kept_of_a_batch_that_cannot_be(journal: Journal, event: AnyEvent) -> None:
    await journal.append([Entries("good", 1, 1, EVENTS[:1]), Entries("bad", 1, 1, EVENTS[:1])])
    with pytest.raises(UnstorableText):
        await journal.append(
            [
                Entries("good", 1, 2, (TextDelta(0, "x"),)),
                Entries("bad", 1, 2, (event,)),
            ]
        )

    assert len((await journal.read("good")).entries) == 1


async def test_jobs_of_a_dead_owner_are_taken_over_once(desk: Desk) -> None:
    first, die = await desk.open()
    await first.append([Entries("j1", 1, 1, EVENTS[:1]), Entries("j2", 1, 1, EVENTS[:1])])
    await first.mark_done(["j2", "of nobody"])
    second, _ = await desk.open()
    assert await second.take_over() == [], "it lives"
    await die()

    assert [*await second.take_over()] == [
        OrphanedJob("j1", 2, 1, False),
        OrphanedJob("j2", 2, 1, True),
    ]
    third, _ = await desk.open()
    assert await third.take_over() == []
    assert {job.job_id for job in await second.take_over()} <= {"j1", "j2"}, "perhaps again"
    await second.mark_done(["j1", "j2"])
    assert await second.take_over() == []


async def test_every_taking_over_is_counted(desk: Desk) -> None:
    journal, die = await desk.open()
    await journal.append([Entries("j", 1, 1, EVENTS[:1])])
    for attempts in (1, 2, 3):
        await die()
        journal, die = await desk.open()
        assert [*await journal.take_over()] == [OrphanedJob("j", attempts + 1, attempts, False)]


async def test_an_heir_who_came_to_say_something_is_counted_anew(desk: Desk) -> None:
    journal, die = await desk.open()
    await journal.append([Entries("j", 1, 1, EVENTS[:1])])
    counts = []
    for epoch in range(2, 7):
        await die()
        journal, die = await desk.open()
        [taken] = await journal.take_over()
        counts.append(taken.attempts)
        if epoch in (3, 4):
            again = Entries("j", epoch, 1, EVENTS[:1])
            assert [*await journal.append([again])] == []

    assert counts == [1, 2, 1, 1, 2]


async def test_what_is_marked_done_is_counted_anew(desk: Desk) -> None:
    journal, die = await desk.open()
    await journal.append([Entries("j", 1, 1, EVENTS[:1])])
    for epoch, marked_done in ((2, False), (3, True), (4, True)):
        await die()
        journal, die = await desk.open()
        assert [*await journal.take_over()] == [OrphanedJob("j", epoch, 1, marked_done)]
        await journal.mark_done(["j"])


async def test_its_own_jobs_are_not_among_those_it_takes_over(desk: Desk) -> None:
    first, die = await desk.open()
    await first.append([Entries("theirs", 1, 1, EVENTS[:1])])
    second, _ = await desk.open()
    await second.append([Entries("mine", 1, 1, EVENTS[:1])])
    await die()

    assert [*await second.take_over()] == [OrphanedJob("theirs", 2, 1, False)]


async def test_what_is_forgotten_is_gone(desk: Desk) -> None:
    journal, die = await desk.open()
    await journal.append([Entries("j", 1, 1, EVENTS)])
    await journal.forget(["j", "of nobody"])
    assert await journal.read("j") == Kept([])
    await die()

    assert await (await desk.open())[0].take_over() == []


async def test_a_closed_journal_says_so(desk: Desk) -> None:
    journal, close = await desk.open()
    await close()

    with pytest.raises(StorageError, match="closed"):
        await journal.append([])
