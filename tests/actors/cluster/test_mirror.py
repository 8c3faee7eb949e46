"""A mirror answers cursors as the owner would, even when the mirror has heard less."""

import pytest
import trio
from trio.testing import MockClock

from legato.actors.cluster.link import MirrorInput
from legato.actors.cluster.mirror import Last, Mirror
from legato.actors.cluster.protocol import Accepted, LogChunk
from legato.actors.mailbox import ActorStopped
from legato.actors.stream.places import Start
from legato.actors.stream.sinks import ChannelSink
from legato.actors.subscription import Subscription
from legato.dialects.librechat import LibreChat
from legato.events import Cursor
from legato.storage.contracts.replication import JobInfo
from tests.actors.cluster.test_jobs import ended, read, told
from tests.regressions.test_replicas import reading
from tests.support.actors import C1, SimulatedClient
from tests.support.replicas import LEASE, Seat, open_replicas


async def one(seat: Seat, start: Start) -> SimulatedClient:
    """The first frames for a new reader."""
    subscription, client = Subscription(await seat.find(C1), "librechat", start), SimulatedClient()
    client.feed((await subscription.receive()).data)
    subscription.leave()
    return client


async def test_who_has_seen_more_than_the_mirror_waits_for_it(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas, trio.open_nursery() as nursery:
        here, there = replicas.seats
        job = await here.start()
        mine, theirs = SimulatedClient(), SimulatedClient()
        nursery.start_soon(read, job, mine)
        nursery.start_soon(read, await there.find(C1), theirs)
        here.model.say("one ")
        await told(theirs, "one ")
        here.replication.loses = 1
        here.model.say("two ")
        await told(mine, "one two ")
        seen = mine.cursor
        assert seen is not None
        moved = SimulatedClient(seen)
        nursery.start_soon(read, await there.find(C1), moved)
        await trio.sleep(2)
        here.model.say("three")
        here.model.finish()
        with trio.fail_after(1):
            await ended(mine, theirs, moved)
        assert moved.syncs == 0
        assert moved.seqs == [*range(seen.seq + 1, mine.seqs[-1] + 1)]


@pytest.mark.parametrize("epoch", [1, 2])
async def test_a_cursor_that_does_not_hold_is_answered_at_once(
    autojump_clock: MockClock, epoch: int
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        here.model.say("one")
        await trio.sleep(1)
        with trio.fail_after(1):
            client = await one(there, Cursor(job.job_id, epoch, 99))
        assert client.syncs == 1


async def test_a_mirror_of_another_owner_begins_again_where_something_is_lost(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(3, on_owner_lost="continue") as replicas, trio.open_nursery() as n:
        here, there, third = replicas.seats
        await here.start()
        client = SimulatedClient()
        n.start_soon(read, await third.find(C1), client)
        here.model.say("kept ")
        await told(client, "kept ")
        await trio.sleep(1)
        here.replication.keeps = False
        here.model.say("lost ")
        await told(client, "kept lost ")
        here.kill()
        await trio.sleep(1.2 * LEASE)
        for seat in (there, third):
            seat.model.say("more")
            seat.model.finish()
        with trio.fail_after(LEASE):
            await ended(client)
        assert client.content[0]["text"] == "kept more"


async def test_a_mirror_goes_when_nobody_reads_it_and_ends_with_its_job(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(retention=5.0) as replicas:
        here, there = replicas.seats
        await here.start()
        here.model.say("one")
        remote = await there.find(C1)
        await one(there, "beginning")
        await trio.sleep(100)
        here.model.finish()
        await trio.sleep(10)
        with pytest.raises(ActorStopped):
            await Subscription(remote, "librechat", "beginning").receive()
        with pytest.raises(ActorStopped):
            await remote.status()


async def test_a_mirror_goes_on_under_another_owner_and_cuts_nobody(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(3, on_owner_lost="continue") as replicas, trio.open_nursery() as n:
        here, *others = replicas.seats
        job = await here.start()
        clients = [SimulatedClient(), SimulatedClient()]
        for seat, client in zip(others, clients, strict=True):
            n.start_soon(reading, seat, client)
        here.model.say("one ")
        for client in clients:
            await told(client, "one ")
        await trio.sleep(1)
        here.kill()
        await trio.sleep(1.2 * LEASE)
        for seat in others:
            seat.model.say("two")
            seat.model.finish()
        with trio.fail_after(LEASE):
            await ended(*clients)
        assert replicas.world.stored_logs[job.job_id].epoch == 2
        assert [client.syncs for client in clients] == [0, 0]
        assert clients[0].frames[-1] == clients[1].frames[-1]
        assert clients[0].seqs == clients[1].seqs == [*range(1, len(clients[0].seqs) + 1)]


class Nowhere:
    """A source played by a test."""

    async def checked(self, job_id: str, start: Start) -> Start:
        return start

    async def follow(
        self, job_id: str, start: Cursor | None, inlet: MirrorInput, last: Last
    ) -> str:
        await trio.lowlevel.checkpoint()
        return "other"

    def unfollow(self, inlet: MirrorInput) -> None: ...


async def test_what_cannot_be_understood_is_not_mirrored(autojump_clock: MockClock) -> None:
    info = JobInfo(
        job_id="j", conversation_id=C1, message_id="q", response_id="a", user="ann", model="m"
    )
    mirror, sink = Mirror(info, {"librechat": LibreChat}, Nowhere()), ChannelSink()
    mirror.subscribe("librechat", "beginning", sink)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mirror.run)
        await trio.sleep(0.1)
        mirror.tell(Accepted(1, 1, {}))
        mirror.tell(LogChunk(1, b"what?\n", 1, last=False))
        with pytest.raises(trio.EndOfChannel):
            await sink.receive()
        with pytest.raises(ActorStopped):
            mirror.subscribe("librechat", "beginning", ChannelSink())


async def test_lines_that_do_not_follow_are_not_taken(autojump_clock: MockClock) -> None:
    info = JobInfo(
        job_id="j", conversation_id=C1, message_id="q", response_id="a", user="ann", model="m"
    )
    mirror, sink = Mirror(info, {"librechat": LibreChat}, Nowhere()), ChannelSink()
    mirror.subscribe("librechat", "beginning", sink)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mirror.run)
        await trio.sleep(0.1)
        mirror.tell(Accepted(1, 1, {}))
        mirror.tell(LogChunk(1, b'{"type":"Stopped"}\n', 2, last=True))
        with pytest.raises(trio.EndOfChannel):
            await sink.receive()
        nursery.cancel_scope.cancel()
