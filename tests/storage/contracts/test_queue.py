"""The promises of every directory about waiting turns: who begins, who is moved, how many wait."""

from collections.abc import Sequence

from legato.storage.contracts.journal import Entries
from legato.storage.contracts.replication import (
    Directory,
    DirectoryEntry,
    Entered,
    JobInfo,
    NotEntered,
    QueueLimits,
    Replication,
)
from tests.storage.contracts.test_journal import EVENTS
from tests.support.storage.worlds import World, info


async def entered(directory: Directory, *job_ids: str) -> list[JobInfo]:
    """Jobs of one conversation: the first runs, the others wait."""
    jobs = [info(job_id) for job_id in job_ids]
    for job in jobs:
        await directory.enter(job, "enqueue", max_per_user=99)
    return jobs


async def before(directory: Directory, job: JobInfo, *ended: str) -> Sequence[str]:
    return [each.job_id for each in await directory.begin(job, ended=ended)]


async def test_turns_begin_one_after_another_in_the_order_of_their_starts(
    replica: Replication,
) -> None:
    directory = replica.directory
    _, z, y = await entered(directory, "a", "z", "y")

    assert await before(directory, z) == ["a"]
    assert await before(directory, y) == ["a", "z"]
    await replica.journal.mark_done(["a"])
    assert await before(directory, y) == ["z"]
    assert await before(directory, z) == []
    assert await before(directory, y) == ["z"]


async def test_an_ending_that_the_directory_does_not_know_yet_counts(
    replica: Replication,
) -> None:
    _, z, _ = await entered(replica.directory, "a", "z", "y")

    assert await before(replica.directory, z, "a") == []


async def test_a_turn_moved_to_the_front_begins_first(world: World) -> None:
    mine, other = await world.replica(), await world.replica()
    _, b, c, d = await entered(mine.directory, "a", "b", "c", "d")

    assert await other.directory.move_to_front(c) == -1
    assert await mine.directory.move_to_front(d) == -2
    assert await other.directory.rank(d) == -2
    assert await before(mine.directory, d) == ["a"]
    assert await before(mine.directory, b) == ["a", "d", "c"]
    assert await before(mine.directory, d, "a") == []
    assert await before(mine.directory, c, "a") == ["d"]
    assert await before(mine.directory, c, "a", "d") == []


async def test_a_conversation_tells_which_turns_wait_and_in_which_order(world: World) -> None:
    mine, other = await world.replica(), await world.replica()
    a, _, c = await entered(mine.directory, "a", "b", "c")
    await mine.directory.move_to_front(c)
    found = await other.directory.conversation(a.user, a.conversation_id)
    assert [each.rank for each in found] == [None, 0, -1]

    await before(mine.directory, c, "a")
    found = await other.directory.conversation(a.user, a.conversation_id)
    assert [(each.info.job_id, each.rank) for each in found] == [("a", None), ("b", 0), ("c", None)]


async def test_a_turn_that_has_begun_cannot_be_moved_and_goes_before_the_others(
    replica: Replication,
) -> None:
    directory = replica.directory
    a, b, c, d = await entered(directory, "a", "b", "c", "d")
    await directory.move_to_front(d)
    assert await before(directory, d, "a") == []

    for job in (a, d, info("unknown")):
        assert await directory.move_to_front(job) is None
        assert await directory.rank(job) is None
    assert await directory.move_to_front(b) == -1
    assert await before(directory, b, "a") == ["d"]
    assert await before(directory, d, "a") == [], "to ask again changes nothing"
    assert await before(directory, c, "a") == ["d", "b"]


async def test_a_turn_that_was_queued_without_a_queue_waits_for_those_that_run_before(
    replica: Replication,
) -> None:
    directory = replica.directory
    _, b, c = await entered(directory, "a", "b", "c")
    # As a former version leaves its turns.
    await directory.reannounce([DirectoryEntry(info=info("b"), epoch=1, stage="begun")])

    assert await before(directory, b) == ["a"]
    assert await before(directory, b, "a") == []
    assert await before(directory, c, "a") == ["b"]


async def test_a_turn_that_ended_waits_no_more(replica: Replication) -> None:
    directory = replica.directory
    _, b, c, d, _ = await entered(directory, "a", "b", "c", "d", "e")
    await replica.journal.append([Entries("b", 1, 1, EVENTS[:1])])
    await replica.journal.mark_done(["b"])
    await directory.void(c, may_repeat=False)
    await directory.withdraw(d)

    for job in (b, c, d):
        assert await directory.rank(job) is None
    assert await before(directory, info("e")) == ["a"]


async def test_only_so_many_turns_wait(replica: Replication) -> None:
    directory, queue = replica.directory, QueueLimits(2, 3)

    async def enter(job: JobInfo) -> object:
        return await directory.enter(job, "enqueue", max_per_user=99, queue=queue)

    for job_id in ("a", "b", "c"):
        assert isinstance(await enter(info(job_id)), Entered)
    assert await enter(info("d")) == NotEntered("queue_full")
    assert await directory.find("d") is None
    assert await enter(info("e", "c2")) == Entered([], 1)
    assert await enter(info("f", "c2")) == Entered([info("e", "c2")], 1 + 1, queued=True)
    assert await enter(info("g", "c2")) == NotEntered("too_many_queued")
    assert isinstance(await enter(info("h", "c2", "bob")), Entered)
    await directory.withdraw(info("b"))
    assert isinstance(await enter(info("g", "c2")), Entered)


async def test_the_owner_tells_again_which_turns_wait(world: World) -> None:
    mine, other = await world.replica(), await world.replica()
    a, b, c, d = await entered(mine.directory, "a", "b", "c", "d")
    await mine.directory.reannounce(
        [
            DirectoryEntry(info=a, epoch=1, stage="begun"),
            DirectoryEntry(info=b, epoch=1, stage="begun", rank=0),
            DirectoryEntry(info=c, epoch=1, stage="begun", rank=-1),
            DirectoryEntry(info=d, epoch=1, stage="ended", rank=-2),
        ]
    )

    assert [await other.directory.rank(each) for each in (a, b, c, d)] == [None, 0, -1, None]
    assert await before(other.directory, b) == ["a", "c"]


async def test_an_entry_that_is_repeated_is_queued_as_before(replica: Replication) -> None:
    a, b = await entered(replica.directory, "a", "b")

    again = await replica.directory.enter(b, "enqueue", max_per_user=99)
    assert again == Entered([a], 2, queued=True)
    assert await before(replica.directory, b, "a") == []
    again = await replica.directory.enter(b, "enqueue", max_per_user=99)
    assert again == Entered([a], 2, queued=False)
