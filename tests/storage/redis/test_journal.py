"""The promises of a journal whose owners are replicas."""

from collections.abc import Sequence

import pytest
import trio

from legato.events import TextDelta
from legato.storage.contracts.errors import UnstorableText
from legato.storage.contracts.journal import Entries, Journal, Kept, OrphanedJob, Refusal
from legato.storage.contracts.replication import Replication
from tests.storage.contracts.test_journal import EVENTS
from tests.support.storage.worlds import World, info, take_over


@pytest.fixture
def journal(replica: Replication) -> Journal:
    return replica.journal


@pytest.mark.parametrize("job_id", ["}{", "j{1}", "", " \n\0", "🎵" * 300, "j:owner:*"])
async def test_an_id_may_hold_any_character(job_id: str, journal: Journal) -> None:
    one, other = Entries(job_id, 1, 1, EVENTS[:1]), Entries(f"{job_id}}}", 1, 1, EVENTS[1:2])
    await journal.append([one, other])

    assert (await journal.read(job_id)).entries == [one]


async def test_half_a_character_is_refused(journal: Journal) -> None:
    with pytest.raises(UnstorableText):
        await journal.read("\ud800")


async def test_a_shorter_repetition_was_heard_as_well(journal: Journal) -> None:
    await journal.append([Entries("j", 1, 1, EVENTS[:3])])

    assert [*await journal.append([Entries("j", 1, 2, EVENTS[1:2])])] == []


async def test_a_long_log_is_read_in_pages(journal: Journal) -> None:
    for position in range(1, 1202):
        await journal.append([Entries("j", 1, position, (TextDelta(0, str(position)),))])

    assert [each.first for each in (await journal.read("j")).entries] == [*range(1, 1202)]


async def test_a_mark_of_the_end_stays_however_often_it_is_taken_over(world: World) -> None:
    replica, die = await world.open()
    await replica.journal.append([Entries("j", 1, 1, EVENTS[:1])])
    await replica.journal.mark_done(["j"])
    for epoch in (2, 3, 4):
        await die()
        replica, die = await world.open()
        assert await take_over(replica) == [OrphanedJob("j", epoch, 1, True)]
        for position in (2 * epoch - 2, 2 * epoch - 1):
            entries = Entries("j", epoch, position, EVENTS[1:2])
            assert [*await replica.journal.append([entries])] == []


async def test_a_former_owner_is_fenced(world: World) -> None:
    former, new = await world.replica(), await world.replica()
    await former.journal.append(_first("j1", "j2", "j3"))
    await former.liveness.leave()
    await take_over(new)
    await new.journal.append([Entries("j2", 2, 2, EVENTS[1:5])])
    await new.journal.mark_done(["j3"])
    batch = [Entries(job_id, 1, 2, EVENTS[1:2]) for job_id in ("j1", "j2", "j3")]

    assert [*await former.journal.append([*batch, *_first("j4")])] == [
        Refusal(job_id, "fenced") for job_id in ("j1", "j2", "j3")
    ]
    await former.journal.mark_done(["j1"])
    await former.journal.forget(["j1"])
    assert (await new.journal.read("j1")).entries == _first("j1")
    assert len((await new.journal.read("j2")).entries) == 2
    assert len((await new.journal.read("j4")).entries) == 1


async def test_of_several_that_take_over_one_has_it(world: World) -> None:
    first, die = await world.open()
    await first.journal.append(_first(*(f"j{number:03}" for number in range(100))))
    others = [await world.replica() for _ in range(4)]
    await die()
    taken: list[str] = []

    async def take(replica: Replication) -> None:
        taken.extend(job.job_id for job in await take_over(replica))

    async with trio.open_nursery() as nursery:
        for other in others:
            nursery.start_soon(take, other)

    assert sorted(taken) == [f"j{number:03}" for number in range(100)]


async def test_a_job_of_which_nothing_was_appended_is_taken_over(world: World) -> None:
    first, die = await world.open()
    await first.directory.enter(info("j"), "enqueue", max_per_user=9)
    second = await world.replica()
    await die()

    assert await take_over(second) == [OrphanedJob("j", 2, 1, False)]
    assert await second.journal.read("j") == Kept([])
    await second.journal.append([Entries("j", 2, 1, EVENTS[:2])])
    assert len((await second.journal.read("j")).entries) == 1


async def test_who_is_told_from_the_beginning_again_keeps_it(journal: Journal) -> None:
    assert [*await journal.append([Entries("j", 3, 2, EVENTS[:1])])] == [Refusal("j", "forgotten")]
    assert [*await journal.append([Entries("j", 3, 1, EVENTS)])] == []

    assert (await journal.read("j")).entries == [Entries("j", 3, 1, EVENTS)]


def _first(*job_ids: str) -> Sequence[Entries]:
    return [Entries(job_id, 1, 1, EVENTS[:1]) for job_id in job_ids]
