"""The contents of Redis after a replica was killed half way, or an older version wrote."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from legato.events import TextDelta
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Entries, Kept, OrphanedJob, Refusal
from legato.storage.contracts.replication import Replication
from legato.storage.redis.replication import open_replication
from tests.storage.contracts.test_journal import EVENTS
from tests.support.storage.redis_servers import RedisServer
from tests.support.storage.worlds import World, info, take_over

JOB, SET = "test:job:{j}", "test:owner:{%s}"


@pytest.fixture
async def world(redis_server: RedisServer) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(stack, lambda: open_replication(redis_server.url, prefix="test", lease=10))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        (("v", "1", "f", "3", "e", "nonsense"), "from 3 on: JSON is malformed"),
        (("v", "1", "f", "3", "e", '[{"type":"Nonsense"}]'), "from 3 on: Invalid value 'Nonsense'"),
        (("v", "7", "f", "3", "e", "[]"), "from 3 on: they are of form 7; this version of Legato"),
        (("f", "3", "e", "[]"), "from 3 on: "),
        (("v", "1", "e", "[]"), "from 1-4 on: "),
        (("v", "1", "f", "4", "e", '[{"type":"Stopped"}]'), "from 3 on: they are not there"),
    ],
)
async def test_what_this_version_cannot_read_is_said_and_the_rest_read(
    fields: tuple[str, ...], fault: str, replica: Replication, redis_server: RedisServer
) -> None:
    good = Entries("j", 1, 1, EVENTS[:2])
    await replica.journal.append([good])
    redis_server.ask("XADD", JOB, "1-4", "o", replica.me, *fields)
    kept = await replica.journal.read("j")

    assert [*kept.entries] == [good]
    assert kept.fault is not None
    assert kept.fault.startswith(f"its entries {fault}")


async def test_what_was_said_twice_is_no_gap(world: World) -> None:
    former, new = await world.replica(), await world.replica()
    await former.journal.append([Entries("j", 1, 1, EVENTS[:4])])
    await former.liveness.leave()
    await take_over(new)
    again = Entries("j", 2, 3, EVENTS[2:6])
    await new.journal.append([again])

    assert await new.journal.read("j") == Kept([Entries("j", 1, 1, EVENTS[:4]), again])


async def test_a_claim_whose_reply_was_lost_is_reported_the_next_time(
    world: World, redis_server: RedisServer
) -> None:
    for done in range(1, 4):
        redis_server.empty()
        dead, die = await world.open()
        await dead.directory.enter(info("j"), "reject", max_per_user=1)
        await die()
        replica = await world.replica()
        steps = [
            ("SADD", SET % replica.me, "j"),
            ("XADD", JOB, "2-0", "o", replica.me, "n", "0", "a", "1"),
            ("SREM", SET % dead.me, "j"),
        ]
        for step in steps[:done]:
            redis_server.ask(*step)

        assert await take_over(replica) == [OrphanedJob("j", 2, 1, False)]
        assert await take_over(replica) == []
        assert redis_server.ask("SMEMBERS", SET % dead.me) in ([], set())


async def test_whoever_died_in_taking_over_is_taken_over(
    world: World, redis_server: RedisServer
) -> None:
    for done in range(1, 4):
        redis_server.empty()
        dead, die = await world.open()
        await dead.directory.enter(info("j"), "reject", max_per_user=1)
        await die()
        taker, die_too = await world.open()
        steps = [
            ("SADD", SET % taker.me, "j"),
            ("XADD", JOB, "2-0", "o", taker.me, "n", "0", "a", "1"),
            ("SREM", SET % dead.me, "j"),
        ]
        for step in steps[:done]:
            redis_server.ask(*step)
        await die_too()
        last = await world.replica()

        [job] = await take_over(last)
        assert job.attempts == min(done, 2)
        assert await take_over(last) == []
        assert await take_over(await world.replica()) == []
        for gone in (dead, taker):
            assert redis_server.ask("SMEMBERS", SET % gone.me) in ([], set())
            assert redis_server.ask("HGET", "test:replicas", gone.me) is None


async def test_who_was_paused_before_its_stream_was_made_stays_out(
    world: World, redis_server: RedisServer
) -> None:
    paused, other = await world.replica(), await world.replica()
    redis_server.ask("SADD", SET % paused.me, "j")
    await paused.liveness.leave()
    assert await take_over(other) == []

    assert [*await paused.journal.append([Entries("j", 1, 1, EVENTS[:1])])] == [
        Refusal("j", "fenced")
    ]
    with pytest.raises(StorageError, match="was taken for gone"):
        await paused.directory.enter(info("j", request_id="r"), "reject", max_per_user=1)
    assert await other.directory.find("j") is None
    assert await other.directory.conversation("ann", "c1") == []
    assert await other.directory.running("ann") == []
    assert await other.directory.request("ann", "r") is None
    ttl = redis_server.ask("TTL", JOB)
    assert isinstance(ttl, int)
    assert ttl > 0


async def test_streams_that_are_marked_done_expire_and_nothing_else_does(
    replica: Replication, redis_server: RedisServer
) -> None:
    await replica.directory.enter(info("j"), "reject", max_per_user=1)
    await replica.journal.append([Entries("j", 1, 1, EVENTS)])
    assert redis_server.ask("TTL", JOB) == -1
    await replica.journal.mark_done(["j"])

    assert redis_server.ask("TTL", JOB) in (24 * 3600, 24 * 3600 - 1)


async def test_nothing_is_left_of_what_was_forgotten(
    replica: Replication, redis_server: RedisServer
) -> None:
    before = _keys(redis_server)
    await replica.directory.enter(info("j", request_id="r"), "reject", max_per_user=1)
    await replica.journal.append([Entries("j", 1, 1, EVENTS)])
    await replica.journal.mark_done(["j"])
    await replica.journal.forget(["j"])
    await replica.directory.enter(info("k", request_id="r"), "reject", max_per_user=1)
    await replica.directory.withdraw(info("k", request_id="r"))

    assert _keys(redis_server) == before


async def test_tokens_of_many_jobs_cost_two_commands_each_in_a_few_scripts(
    replica: Replication, redis_server: RedisServer
) -> None:
    jobs = [f"j{number}" for number in range(100)]
    await replica.journal.append([Entries(job, 1, 1, EVENTS[:1]) for job in jobs])
    await _append_tokens(replica, jobs, 2)  # from here on the server knows the script
    before = _commands(redis_server)
    for position in range(3, 13):
        await _append_tokens(replica, jobs, position)

    after = _commands(redis_server)
    calls = {name: after[name] - before.get(name, 0) for name in after}
    assert {name: count for name, count in calls.items() if count} == {
        "evalsha": 20,
        "xlen": 1000,
        "xadd": 1000,
    }


async def _append_tokens(replica: Replication, jobs: Sequence[str], position: int) -> None:
    token = (TextDelta(0, "x"),)
    await replica.journal.append([Entries(job, 1, position, token) for job in jobs])


def _keys(server: RedisServer) -> list[str]:
    keys = server.ask("KEYS", "*")
    assert isinstance(keys, list)
    return sorted(map(str, keys))


def _commands(server: RedisServer) -> dict[str, int]:
    """Calls of each so far, but for the asking."""
    stats = server.ask("INFO", "commandstats")
    assert isinstance(stats, dict)
    named = {name.split("|")[0].removeprefix("cmdstat_"): each for name, each in stats.items()}
    return {name: each["calls"] for name, each in named.items() if name not in ("info", "client")}
