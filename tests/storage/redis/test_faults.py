"""Replicas during real failures of their Redis."""

import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager

import pytest
import trio

from legato.storage.contracts.errors import StorageError, Unavailable
from legato.storage.contracts.journal import Entries, Kept, Refusal
from legato.storage.contracts.replication import IncompleteDirectory, Replication
from legato.storage.redis.replication import RedisReplication, open_replication
from tests.storage.contracts.test_journal import EVENTS
from tests.support.storage.redis_servers import RedisCluster, RedisServer
from tests.support.storage.worlds import at_stage, info

TIMEOUT = 0.3
FIRST, SECOND = Entries("j1", 1, 1, EVENTS[:2]), Entries("j1", 1, 3, EVENTS[2:4])


def opened(url: str) -> AbstractAsyncContextManager[RedisReplication]:
    return open_replication(url, prefix="test", lease=10, socket_timeout=TIMEOUT)


@pytest.fixture
async def replica(own_server: RedisServer) -> AsyncIterator[Replication]:
    async with opened(own_server.url) as replica:
        yield replica


async def test_a_server_that_was_restarted_empty_is_told_all_again(
    replica: Replication, own_server: RedisServer
) -> None:
    job, waiting = info("j1", request_id="r1", place=1), info("j2", "c2", place=1)
    for each in (job, waiting):
        await replica.directory.enter(each, "reject", max_per_user=9)
    await replica.journal.append([FIRST])
    assert await replica.liveness.beat()
    own_server.restart()

    assert not await replica.liveness.beat()
    assert await replica.liveness.beat()
    assert [*await replica.journal.append([SECOND])] == [Refusal("j1", "forgotten")]
    assert [*await replica.journal.append([Entries("j1", 1, 1, EVENTS[:4])])] == []
    assert await replica.directory.conversation("ann", "c1") == [at_stage(job, "begun")]
    assert await replica.directory.request("ann", "r1") == job
    assert await replica.directory.running("ann") == ["c1"]
    found = await replica.directory.find("j1")
    assert found is not None
    assert (found.info, found.owner, found.epoch) == (job, replica.me, 1)


async def test_packets_arrive_again_after_a_restart(
    replica: Replication, own_server: RedisServer
) -> None:
    await replica.post.send([(replica.me, b"1")])
    assert await replica.post.receive() == [b"1"]
    own_server.restart()
    with trio.fail_after(10):
        packets = await _first_after_a_loss(replica)

    assert set(packets) == {b"2"}


async def _first_after_a_loss(replica: Replication) -> Sequence[bytes]:
    packets: list[bytes] = []

    async def receive() -> None:
        packets.extend(await replica.post.receive())
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        while True:
            await replica.post.send([(replica.me, b"2")])
            await trio.sleep(0.05)  # until the inbox is there again, which nobody is told
    return packets


async def test_a_server_that_stands_still_is_said_and_then_all_goes_on(
    replica: Replication, own_server: RedisServer
) -> None:
    await replica.directory.enter(info("j1"), "reject", max_per_user=9)
    await replica.journal.append([FIRST])
    own_server.signal(signal.SIGSTOP)
    for attempt in (
        lambda: replica.journal.append([SECOND]),
        lambda: replica.directory.find("j1"),
        lambda: replica.post.send([(replica.me, b"1")]),
        replica.post.receive,
        replica.liveness.beat,
    ):
        with pytest.raises(StorageError, match=r"be used: (Timeout|the server did not answer)"):
            await attempt()
    own_server.signal(signal.SIGCONT)

    assert [*await replica.journal.append([SECOND])] == []
    assert await replica.journal.read("j1") == Kept([FIRST, SECOND])
    assert await replica.liveness.beat()
    await replica.post.send([(replica.me, b"2")])
    assert (await replica.post.receive())[-1] == b"2"


async def test_many_who_ask_a_server_that_stands_still_wait_no_longer_than_one(
    replica: Replication, own_server: RedisServer
) -> None:
    own_server.signal(signal.SIGSTOP)
    began = trio.current_time()

    async def ask() -> None:
        with pytest.raises(Unavailable, match="the server did not answer in time"):
            await replica.directory.find("j1")

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(ask)
    assert trio.current_time() - began < 3 * TIMEOUT, "not one after the other"


async def test_a_server_that_is_gone_is_said(replica: Replication, own_server: RedisServer) -> None:
    own_server.stop()
    with pytest.raises(StorageError, match=r"Connection refused|closed"):
        await replica.liveness.beat()
    with pytest.raises(StorageError, match=r"Connection refused"):
        await replica.journal.append([FIRST])


async def test_a_full_server_says_so_in_its_own_words(
    replica: Replication, own_server: RedisServer
) -> None:
    await replica.journal.append([FIRST])
    own_server.ask("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StorageError, match=r"command not allowed when used memory > 'maxmemory'"):
        await replica.journal.append([SECOND])
    with pytest.raises(StorageError, match=r"command not allowed when used memory > 'maxmemory'"):
        await replica.directory.enter(info("j2"), "reject", max_per_user=9)
    assert await replica.journal.read("j1") == Kept([FIRST])
    own_server.ask("CONFIG", "SET", "maxmemory", "0")

    assert [*await replica.journal.append([SECOND])] == []


async def test_a_server_that_became_a_replica_says_so(
    replica: Replication, own_server: RedisServer
) -> None:
    own_server.ask("REPLICAOF", "127.0.0.1", "1")

    with pytest.raises(StorageError, match=r"You can't write against a read only replica"):
        await replica.journal.append([FIRST])


async def test_one_node_of_a_cluster_that_stands_still(redis_cluster: RedisCluster) -> None:
    jobs = [f"j{number}" for number in range(20)]
    batch = [Entries(job_id, 1, 1, EVENTS[:1]) for job_id in jobs]
    async with opened(redis_cluster.url) as replica:
        await replica.journal.append(batch)
        still, _ = redis_cluster.nodes[2]
        still.signal(signal.SIGSTOP)
        began = trio.current_time()
        with pytest.raises(StorageError, match="Timeout"):
            await replica.journal.append([Entries(job_id, 1, 2, EVENTS[:1]) for job_id in jobs])
        assert trio.current_time() - began < 5 * TIMEOUT, "not a timeout for each"
        still.signal(signal.SIGCONT)

        assert [
            *await replica.journal.append([Entries(job_id, 1, 2, EVENTS[:1]) for job_id in jobs])
        ] == []


async def test_slots_that_move_are_followed(redis_cluster: RedisCluster) -> None:
    (one, _), _, (other, _) = redis_cluster.nodes
    async with opened(redis_cluster.url) as replica:
        for position, (source, target) in ((1, (one, other)), (3, (other, one))):
            await replica.journal.append([Entries("j1", 1, position, EVENTS[:1])])
            with moving("test:job:{j1}", source, target):
                entries = Entries("j1", 1, position + 1, EVENTS[:1])
                assert [*await replica.journal.append([entries])] == []
            assert len((await replica.journal.read("j1")).entries) == position + 1


@contextmanager
def moving(key: str, source: RedisServer, target: RedisServer) -> Iterator[None]:
    """Until the block ends the key has moved, but not yet its slot."""
    slot = str(source.ask("CLUSTER", "KEYSLOT", key))
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.name)
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.name)
    source.ask("MIGRATE", "127.0.0.1", str(target.port), key, "0", "1000")
    yield
    for node in (target, source):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.name)


async def test_a_server_that_is_another_one_may_lack_what_was_told_last(
    replica: Replication, own_server: RedisServer
) -> None:
    """The standby that took over lacks the last moment, but has the birth and the signs."""
    known = info("j1")
    await replica.directory.enter(known, "reject", max_per_user=9)
    assert await replica.liveness.beat()
    own_server.ask("SAVE")
    own_server.restart()

    assert await replica.directory.find("j1") is not None, "what is there counts"
    with pytest.raises(IncompleteDirectory):
        await replica.directory.find("j2")
    with pytest.raises(IncompleteDirectory):
        await replica.directory.enter(info("j2"), "reject", max_per_user=9)
    assert not await replica.liveness.beat()
    replica.liveness.told()
    assert await replica.liveness.beat()
    assert await replica.liveness.beat()
    assert await replica.directory.find("j2") is None
