"""Replicas of one world: a job is followed, asked and stopped from any of them."""

import trio
from trio.testing import MockClock

from legato.actors.follower import Follower
from legato.actors.messages import Standing
from legato.actors.ref import JobRef
from legato.events import Stopped
from tests.actors.kit import C1, Client
from tests.actors.replicas import LEASE, open_replicas


async def read(job: JobRef, client: Client) -> None:
    """Follow to the ending."""
    follower = Follower(job, "librechat", client.cursor or "beginning")
    while client.terminal is None:
        client.feed((await follower.receive()).data)


async def told(client: Client, text: str) -> None:
    while "".join(part.get("text", "") for part in client.content) != text:  # noqa: ASYNC110
        await trio.sleep(0.01)


async def ended(*clients: Client) -> None:
    while not all(client.terminal for client in clients):  # noqa: ASYNC110
        await trio.sleep(0.01)


async def test_a_job_is_followed_from_another_replica(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas, trio.open_nursery() as nursery:
        here, there = replicas.seats
        job = await here.start()
        mine, theirs = Client(), Client()
        nursery.start_soon(read, job, mine)
        nursery.start_soon(read, await there.find(C1), theirs)
        here.model.say("Hel")
        await told(theirs, "Hel")
        here.model.say("lo")
        here.model.finish()
        with trio.fail_after(5):
            await ended(mine, theirs)
        assert theirs.frames == mine.frames
        assert theirs.seqs == [*range(1, len(theirs.seqs) + 1)]


async def test_stopped_from_another_replica(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        here.model.say("Hel")
        remote = await there.find(job.job_id)
        assert (await remote.status()).standing is Standing.RUNNING
        assert await there.jobs.active("ann") == [C1]
        reply = await remote.stop()
        assert isinstance(reply.ending, Stopped)
        assert not reply.settled
        assert here.model.open_connections == 0
        assert (await remote.status()).standing is Standing.ABORTED
        assert await there.jobs.active("ann") == []
        assert (await remote.stop()).settled
        stored = await replicas.records.messages(C1)
        assert [message.unfinished for message in stored] == [False, True]


async def test_an_owner_that_dies_is_inherited_from(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas, trio.open_nursery() as nursery:
        here, there = replicas.seats
        await here.start()
        client = Client()
        nursery.start_soon(read, await there.find(C1), client)
        here.model.say("Hello")
        await told(client, "Hello")
        await trio.sleep(1)
        here.kill()
        with trio.fail_after(LEASE * 1.2):
            await ended(client)
        assert b"server_restart" in (client.terminal or b"")
        assert client.seqs == [*range(1, len(client.seqs) + 1)]
        stored = await replicas.records.messages(C1)
        assert [message.unfinished for message in stored] == [False, True]
