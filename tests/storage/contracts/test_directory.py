"""The promises of every implementation of Directory, and of the journal beside."""

from collections.abc import Sequence

import pytest
import trio

from legato.storage.contracts.errors import StorageError, UnstorableText
from legato.storage.contracts.journal import Entries
from legato.storage.contracts.replication import (
    Directory,
    DirectoryEntry,
    Entered,
    JobInfo,
    Joined,
    NotEntered,
    Replication,
)
from tests.storage.contracts.test_journal import EVENTS
from tests.support.storage.worlds import World, at_stage, info, take_over


def before(outcome: object) -> Sequence[JobInfo]:
    """The jobs that an entered job has to wait for."""
    assert isinstance(outcome, Entered), outcome
    return outcome.before


@pytest.fixture
def directory(replica: Replication) -> Directory:
    return replica.directory


async def test_a_job_is_found_from_its_entry_on(world: World) -> None:
    mine, other = await world.replica(), await world.replica()
    job = info("j1", request_id="r1")
    assert before(await mine.directory.enter(job, "enqueue", max_per_user=1)) == []

    for replica in (mine, other):
        assert await replica.directory.find("j1") == DirectoryEntry(
            info=job, owner=mine.me, epoch=1
        )
        assert await replica.directory.conversation("ann", "c1") == [at_stage(job, "waiting")]
        assert await replica.directory.running("ann") == ["c1"]
        assert await replica.directory.request("ann", "r1") == job


async def test_what_was_never_entered_is_not_found(directory: Directory) -> None:
    assert await directory.find("j") is None
    assert await directory.conversation("ann", "c1") == []
    assert await directory.running("ann") == []
    assert await directory.request("ann", "r1") is None


async def test_jobs_stand_in_the_order_of_their_starts_whatever_their_ids(
    directory: Directory,
) -> None:
    jobs = [info(job_id) for job_id in "zaxbycw"]
    for count, job in enumerate(jobs):
        entered = await directory.enter(job, "enqueue", max_per_user=99)
        assert entered == Entered(jobs[:count], count + 1, queued=count > 0)

    found = await directory.conversation("ann", "c1")
    assert [each.info for each in found] == jobs


async def test_the_same_request_joins_before_anything_else(world: World) -> None:
    mine, other = await world.replica(), await world.replica()
    first = info("j1", request_id="r1")
    await mine.directory.enter(first, "reject", max_per_user=1)

    again = info("j2", "c2", request_id="r1")
    assert await other.directory.enter(again, "reject", max_per_user=1) == Joined(first)
    assert await other.directory.find("j2") is None
    assert await other.directory.conversation("ann", "c2") == []
    bob = info("j3", user="bob", request_id="r1")
    assert before(await other.directory.enter(bob, "reject", max_per_user=1)) == []


async def test_a_job_that_another_replica_entered_stays_as_entered_there(world: World) -> None:
    mine, other = await world.replica(), await world.replica()
    before_it, job = info("j0"), info("j1", request_id="r1")
    await mine.directory.enter(before_it, "enqueue", max_per_user=9)
    await mine.directory.enter(job, "enqueue", max_per_user=9)
    with pytest.raises(StorageError, match="was taken for gone"):
        await other.directory.enter(job, "enqueue", max_per_user=9)

    assert await other.directory.rank(job) == 0
    assert await other.directory.request("ann", "r1") == job
    assert await other.directory.find("j1") == DirectoryEntry(info=job, owner=mine.me, epoch=1)
    assert len(await other.directory.conversation("ann", "c1")) == 2
    again = await mine.directory.enter(job, "enqueue", max_per_user=9)
    assert again == Entered([before_it], 2, queued=True)


async def test_a_conversation_with_a_job_that_has_not_ended_is_busy(world: World) -> None:
    mine, other = await world.replica(), await world.replica()
    await mine.directory.enter(info("j1"), "reject", max_per_user=9)
    second = info("j2", request_id="r2")
    assert await other.directory.enter(second, "reject", max_per_user=9) == NotEntered("busy")
    assert await other.directory.request("ann", "r2") is None
    await mine.journal.append([Entries("j1", 1, 1, EVENTS[:1])])
    assert await other.directory.enter(second, "reject", max_per_user=9) == NotEntered("busy")
    await mine.journal.mark_done(["j1"])

    assert before(await other.directory.enter(second, "reject", max_per_user=9)) == []


async def test_a_user_has_as_many_jobs_as_one_may(world: World) -> None:
    mine, other = await world.replica(), await world.replica()
    await mine.directory.enter(info("j1"), "enqueue", max_per_user=2)
    await other.directory.enter(info("j2", "c2"), "enqueue", max_per_user=2)

    for_ann = info("j3", "c3")
    assert await mine.directory.enter(for_ann, "enqueue", max_per_user=2) == NotEntered("too_many")
    assert await mine.directory.find("j3") is None
    for_bob = info("j4", "c4", "bob")
    assert before(await mine.directory.enter(for_bob, "enqueue", max_per_user=2)) == []
    await mine.directory.withdraw(info("j1"))
    assert before(await mine.directory.enter(for_ann, "enqueue", max_per_user=2)) == []


async def test_jobs_that_will_be_interrupted_are_not_counted(directory: Directory) -> None:
    one, other = info("j1"), info("j2", "c2")
    for job in (one, other):
        await directory.enter(job, "interrupt", max_per_user=2)

    third, fourth = info("j3", "c3"), info("j4")
    assert await directory.enter(third, "interrupt", max_per_user=2) == NotEntered("too_many")
    assert before(await directory.enter(fourth, "interrupt", max_per_user=2)) == [one]


async def test_starts_of_one_user_are_decided_one_after_another(world: World) -> None:
    replicas = [await world.replica() for _ in range(3)]
    outcomes: list[object] = []

    async def start(number: int) -> None:
        job = info(f"j{number}", request_id=f"r{number}")
        directory = replicas[number % 3].directory
        outcomes.append(await directory.enter(job, "reject", max_per_user=99))

    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(start, number)

    assert [before(each) for each in outcomes if isinstance(each, Entered)] == [[]]
    assert outcomes.count(NotEntered("busy")) == 29


async def test_an_entry_that_is_asked_for_again_was_made_once(directory: Directory) -> None:
    first, job, later = info("j1"), info("j2", request_id="r1"), info("j3")
    await directory.enter(first, "enqueue", max_per_user=3)
    await directory.enter(job, "enqueue", max_per_user=3)
    await directory.enter(later, "enqueue", max_per_user=3)

    assert before(await directory.enter(job, "reject", max_per_user=1)) == [first]
    found = await directory.conversation("ann", "c1")
    assert [each.info for each in found] == [first, job, later]


async def test_what_is_withdrawn_is_as_if_it_had_not_been(world: World) -> None:
    replica, die = await world.open()
    job = info("j1", request_id="r1")
    await replica.directory.withdraw(job)
    await replica.directory.enter(job, "reject", max_per_user=1)
    await replica.directory.withdraw(job)

    await _is_nowhere(replica.directory)
    assert before(await replica.directory.enter(job, "reject", max_per_user=1)) == []
    await replica.directory.withdraw(job)
    await die()
    assert await take_over(await world.replica()) == []


async def test_withdrawing_frees_no_other_jobs_request(directory: Directory) -> None:
    job = info("j1", request_id="r1")
    await directory.enter(job, "enqueue", max_per_user=9)
    await directory.withdraw(info("j", request_id="r1"))

    assert await directory.request("ann", "r1") == job


@pytest.mark.parametrize("may_repeat", [True, False])
async def test_a_job_that_ended_before_it_began(may_repeat: bool, directory: Directory) -> None:
    job, again = info("j1", request_id="r1"), info("j2", request_id="r1")
    await directory.enter(job, "reject", max_per_user=1)
    await directory.void(job, may_repeat=may_repeat)

    assert await directory.conversation("ann", "c1") == [at_stage(job, "void")]
    assert await directory.running("ann") == []
    assert await directory.find("j1") is not None
    outcome = await directory.enter(again, "reject", max_per_user=1)
    assert before(outcome) == [] if may_repeat else outcome == Joined(job)


async def test_the_journal_keeps_it_true(replica: Replication) -> None:
    directory, journal = replica.directory, replica.journal
    job = info("j1", request_id="r1")
    await directory.enter(job, "reject", max_per_user=1)
    await journal.append([Entries("j1", 1, 1, EVENTS[:2])])
    assert await directory.conversation("ann", "c1") == [at_stage(job, "begun")]
    assert await directory.running("ann") == ["c1"]
    await journal.append([Entries("j1", 1, 3, EVENTS[2:])])
    await journal.mark_done(["j1"])
    await journal.append([Entries("j1", 1, 1, EVENTS[:2])])  # which was not heard to succeed
    assert await directory.conversation("ann", "c1") == [at_stage(job, "ended")]
    assert await directory.running("ann") == []
    await journal.forget(["j1"])

    await _is_nowhere(directory)


async def test_whoever_takes_over_keeps_it_true(world: World) -> None:
    first, die = await world.open()
    job, unbegun = info("j1", request_id="r1"), info("j2", "c2", request_id="r2")
    for each in (job, unbegun):
        await first.directory.enter(each, "reject", max_per_user=2)
    await first.journal.append([Entries("j1", 1, 1, EVENTS[:2])])
    second = await world.replica()
    await die()
    await take_over(second)
    assert await second.directory.find("j1") == DirectoryEntry(info=job, owner=second.me, epoch=2)
    await second.journal.append([Entries("j1", 2, 3, EVENTS[-1:])])
    await second.journal.mark_done(["j1"])
    await second.directory.void(unbegun, may_repeat=True)

    assert await second.directory.conversation("ann", "c1") == [at_stage(job, "ended")]
    assert await second.directory.conversation("ann", "c2") == [at_stage(unbegun, "void")]
    assert await second.directory.running("ann") == []
    await second.journal.forget(["j1", "j2"])
    await _is_nowhere(second.directory)
    assert await second.directory.conversation("ann", "c2") == []


@pytest.mark.parametrize("text", ["}:{", "", "\n\0*", "🎵", "running", "c1:conv:c2"])
async def test_ids_may_hold_any_character(text: str, directory: Directory) -> None:
    job = info(f"j{text}", text, text, request_id=text)
    assert before(await directory.enter(job, "reject", max_per_user=1)) == []

    assert await directory.conversation(text, text) == [at_stage(job, "waiting")]
    assert await directory.running(text) == [text]
    assert await directory.request(text, text) == job
    assert await directory.conversation(f"{text}x", text) == []
    await directory.withdraw(job)
    assert await directory.request(text, text) is None


async def test_half_a_character_is_refused(directory: Directory) -> None:
    with pytest.raises(UnstorableText):
        await directory.enter(info("j", "\ud800"), "reject", max_per_user=1)
    assert await directory.running("ann") == []


async def _is_nowhere(directory: Directory) -> None:
    assert await directory.find("j1") is None
    assert await directory.conversation("ann", "c1") == []
    assert await directory.running("ann") == []
    assert await directory.request("ann", "r1") is None


async def test_what_is_told_again_has_the_place_that_it_had(
    world: World, directory: Directory
) -> None:
    later = info("a", place=2)
    first = info("z", place=1)
    replica = await world.replica()
    for told in (later, first):
        await replica.journal.append([Entries(told.job_id, 1, 1, ())])
        await replica.directory.reannounce([DirectoryEntry(info=told, epoch=1, stage="waiting")])

    found = await replica.directory.conversation("ann", "c1")
    assert [each.info for each in found] == [first, later]
    entered = await replica.directory.enter(info("m"), "enqueue", max_per_user=9)
    assert isinstance(entered, Entered)
    assert entered.place == 3
