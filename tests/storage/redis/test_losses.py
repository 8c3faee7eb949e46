"""A Redis that lost some, or all, of its contents: nothing of a log is hidden by the loss."""

import pytest
import trio

from legato.events import AnyEvent
from legato.storage.contracts.journal import Entries, Journal, Kept, OrphanedJob, Refusal
from legato.storage.contracts.replication import DirectoryEntry, Replication
from tests.storage.contracts.test_journal import EVENTS, heard
from tests.support.storage.redis_servers import RedisServer
from tests.support.storage.worlds import World, at_stage, info, take_over

JOB = "test:job:{j}"
MINE = info("j", request_id="r", place=1)


@pytest.fixture
def world(redis_world: World) -> World:
    return redis_world


@pytest.fixture
def journal(replica: Replication) -> Journal:
    return replica.journal


async def said(journal: Journal, first: int, last: int, epoch: int = 1) -> list[Refusal]:
    return [*await journal.append([Entries("j", epoch, first, EVENTS[first - 1 : last])])]


async def events(journal: Journal) -> list[AnyEvent]:
    kept = await journal.read("j")
    assert kept.fault is None
    return [*heard(kept)]


async def test_what_is_new_is_refused_though_the_directory_was_told_again(
    replica: Replication, redis_server: RedisServer
) -> None:
    await replica.directory.enter(MINE, "interrupt", max_per_user=9)
    await said(replica.journal, 1, 5)
    redis_server.ask("FLUSHALL")
    await replica.directory.reannounce([DirectoryEntry(info=MINE, epoch=1, stage="begun")])
    assert redis_server.ask("EXISTS", JOB) == 0, "the journal's writer makes it, and nobody else"
    assert await said(replica.journal, 6, 7) == [Refusal("j", "forgotten")]
    assert await said(replica.journal, 1, 9) == []

    assert await events(replica.journal) == [*EVENTS]


async def test_a_failover_that_lost_the_last_entries_leaves_no_gap(
    journal: Journal, redis_server: RedisServer
) -> None:
    await said(journal, 1, 5)
    older = redis_server.dump(JOB)
    await said(journal, 6, 7)
    redis_server.restore(JOB, older)
    assert await said(journal, 8, 9) == [Refusal("j", "forgotten")]
    assert await said(journal, 1, 9) == []

    assert await events(journal) == [*EVENTS]


async def test_a_lost_entry_and_a_claim_instead_keep_the_former_owner_out(
    world: World, redis_server: RedisServer
) -> None:
    former, other = await world.replica(), await world.replica()
    await said(former.journal, 1, 2)
    older = redis_server.dump(JOB)
    await said(former.journal, 3, 3)
    redis_server.restore(JOB, older)
    await former.liveness.leave()
    assert await take_over(other) == [OrphanedJob("j", 2, 1, False)]

    assert await said(former.journal, 4, 5) == [Refusal("j", "fenced")]
    assert await said(other.journal, 3, 9, epoch=2) == []
    assert await events(other.journal) == [*EVENTS]


async def test_of_two_who_took_over_in_the_same_epoch_one_is_fenced(
    world: World, redis_server: RedisServer
) -> None:
    former, one, other = [await world.replica() for _ in range(3)]
    await said(former.journal, 1, 2)
    older = redis_server.dump(JOB)
    await former.liveness.leave()
    assert [job.epoch for job in await take_over(one)] == [2]
    redis_server.restore(JOB, older)
    redis_server.ask("SADD", f"test:owner:{{{former.me}}}", "j")
    redis_server.ask("HSET", "test:replicas", former.me, "left")
    assert [job.epoch for job in await take_over(other)] == [2]

    assert await said(one.journal, 3, 4, epoch=2) == [Refusal("j", "fenced")]
    assert await said(other.journal, 3, 9, epoch=2) == []


async def test_what_was_told_from_below_a_gap_heals_it(
    journal: Journal, replica: Replication, redis_server: RedisServer
) -> None:
    """A stream as former versions left the job."""
    await said(journal, 1, 2)
    redis_server.ask("XADD", JOB, "1-5", "o", replica.me, "v", "1", "f", "5", "e", '["x"]')
    broken = await journal.read("j")
    assert broken == Kept([Entries("j", 1, 1, EVENTS[:2])], broken.fault)
    assert broken.fault is not None
    assert await said(journal, 1, 9) == []

    assert await events(journal) == [*EVENTS]


async def test_a_gap_is_said_where_nothing_heals_it(
    journal: Journal, replica: Replication, redis_server: RedisServer
) -> None:
    await said(journal, 1, 2)
    later = '[{"type":"Stopped"}]'
    redis_server.ask("XADD", JOB, "1-5", "o", replica.me, "v", "1", "f", "5", "e", later)
    shorter = '[{"type":"TextDelta","index":0,"text":"x"}]'
    redis_server.ask("XADD", JOB, "1-6", "o", replica.me, "v", "1", "f", "2", "e", shorter)
    kept = await journal.read("j")

    assert kept.fault == "its entries from 3 on: they are not there"
    assert [each.first for each in kept.entries] == [1, 2]


async def test_streams_of_former_versions_are_gone_on_with(
    world: World, redis_server: RedisServer
) -> None:
    """Their claims and marks do not say how far the log goes."""
    former, other = await world.replica(), await world.replica()
    await said(former.journal, 1, 2)
    redis_server.ask("XADD", JOB, "1-3", "o", former.me, "s", "1")
    redis_server.ask("XADD", JOB, "2-0", "o", former.me, "s", "1")
    await former.liveness.leave()
    assert await take_over(other) == [OrphanedJob("j", 3, 1, True)]

    assert await said(other.journal, 4, 5, epoch=3) == [Refusal("j", "forgotten")]
    assert await said(other.journal, 3, 9, epoch=3) == []


async def test_what_follows_a_mark_is_kept_and_marked(
    world: World, redis_server: RedisServer
) -> None:
    replica, die = await world.open()
    await said(replica.journal, 1, 2)
    await replica.journal.mark_done(["j"])
    for position in range(3, 6):
        assert await said(replica.journal, position, position) == []
    assert await said(replica.journal, 2, 4) == []
    assert await said(replica.journal, 7, 9) == [Refusal("j", "forgotten")]

    assert await events(replica.journal) == [*EVENTS[:5]]
    await die()
    assert await take_over(await world.replica()) == [OrphanedJob("j", 2, 1, True)]


async def test_a_server_that_does_not_know_the_scripts_is_told_them(
    journal: Journal, redis_server: RedisServer
) -> None:
    await said(journal, 1, 2)
    redis_server.ask("SCRIPT", "FLUSH")

    assert await said(journal, 3, 9) == []
    assert await events(journal) == [*EVENTS]


async def test_to_tell_again_what_is_just_forgotten_is_no_error(replica: Replication) -> None:
    for number in range(20):
        job = info(f"j{number}")
        await replica.directory.enter(job, "enqueue", max_per_user=99)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(replica.journal.forget, [job.job_id])
            nursery.start_soon(
                replica.directory.reannounce, [DirectoryEntry(info=job, epoch=1, stage="ended")]
            )


async def test_what_is_anothers_by_now_is_not_told_again(
    world: World, redis_server: RedisServer
) -> None:
    former, other = await world.replica(), await world.replica()
    await former.directory.enter(MINE, "interrupt", max_per_user=9)
    await said(former.journal, 1, 2)
    await former.liveness.leave()
    await take_over(other)
    await other.journal.mark_done(["j"])
    await former.directory.reannounce([DirectoryEntry(info=MINE, epoch=1, stage="begun")])
    assert await other.directory.conversation("ann", "c1") == [at_stage(MINE, "ended")]
    assert await other.directory.running("ann") == []
    await other.journal.forget(["j"])
    await former.directory.reannounce([DirectoryEntry(info=MINE, epoch=1, stage="begun")])

    assert await said(former.journal, 1, 3) == [Refusal("j", "fenced")]
    assert await other.directory.conversation("ann", "c1") == []
    assert await other.directory.find("j") is None
    assert redis_server.ask("TTL", JOB) in (24 * 3600, 24 * 3600 - 1)


async def test_a_stage_is_told_again_as_it_is(
    replica: Replication, redis_server: RedisServer
) -> None:
    await replica.directory.enter(MINE, "interrupt", max_per_user=9)
    redis_server.ask("FLUSHALL")
    await said(replica.journal, 1, 2)
    assert await replica.directory.conversation("ann", "c1") == [at_stage(MINE, "begun")]
    await replica.directory.reannounce([DirectoryEntry(info=MINE, epoch=1, stage="ended")])

    assert await replica.directory.conversation("ann", "c1") == [at_stage(MINE, "ended")]
    assert await replica.directory.running("ann") == []
    assert await replica.directory.request("ann", "r") == MINE


async def test_a_job_that_waits_is_told_again_by_its_place(
    replica: Replication, redis_server: RedisServer
) -> None:
    await replica.directory.enter(MINE, "interrupt", max_per_user=9)
    redis_server.ask("FLUSHALL")
    assert [*await replica.journal.append([Entries("j", 1, 1, ())])] == []

    assert await replica.directory.conversation("ann", "c1") == [at_stage(MINE, "waiting")]
    found = await replica.directory.find("j")
    assert found is not None
    assert (found.info, found.owner, found.epoch) == (MINE, replica.me, 1)
