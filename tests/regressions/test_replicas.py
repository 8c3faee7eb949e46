"""What goes wrong where several processes serve the same generations."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import count

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from legato.actors.durability.recovery import TRIES
from legato.actors.mailbox import ActorStopped
from legato.config import OnOwnerLost
from legato.content import text_of
from legato.events import Stopped
from legato.models.contract import TextChunk, ToolCallChunk
from tests.actors.cluster.test_jobs import ended, read, told
from tests.support.actors import C1, SimulatedClient
from tests.support.replicas import LEASE, Seat, open_replicas, supervisor_at


@pytest.mark.parametrize("stream_id", [C1, None], ids=["conversation", "job"])
async def test_stop_from_other_replica(autojump_clock: MockClock, stream_id: str | None) -> None:
    """Elsewhere only the process that ran it could stop it, and the others said they had."""
    async with open_replicas(3) as replicas, trio.open_nursery() as nursery:
        here, there, third = replicas.seats
        job, client = await here.start(), SimulatedClient()
        nursery.start_soon(read, await third.find(C1), client)
        here.model.say("half")
        await told(client, "half")
        reply = await (await there.find(stream_id or job.job_id)).stop()
        assert isinstance(reply.ending, Stopped)
        assert here.model.open_connections == 0
        assert text_of((await replicas.records.messages(C1))[-1]) == "half"
        with trio.fail_after(1):
            await ended(client)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=6), st.lists(st.integers(0, 4), max_size=6))
def test_terminal_always_reaches_reader(owners: Sequence[int], readers: Sequence[int]) -> None:
    """Elsewhere a lost wake-up left readers waiting; here whole packets are lost, either way."""
    trio.run(lose_packets, owners, readers, clock=MockClock(autojump_threshold=0))


async def lose_packets(owners: Sequence[int], readers: Sequence[int]) -> None:
    async with open_replicas() as replicas, trio.open_nursery() as nursery:
        here, there = replicas.seats
        await here.start()
        client = SimulatedClient()
        nursery.start_soon(read, await there.find(C1), client)
        for step in range(max(len(owners), len(readers))):
            here.replication.loses = owners[step] if step < len(owners) else 0
            there.replication.loses = readers[step] if step < len(readers) else 0
            here.model.say("word ")
            await trio.sleep(0.3)
        here.model.finish()
        with trio.fail_after(LEASE):
            await ended(client)
        assert client.seqs == [*range(1, len(client.seqs) + 1)]
        assert client.syncs == 0


@pytest.mark.parametrize("policy", ["seal", "continue"])
async def test_owner_paused_past_lease_then_resumes(
    autojump_clock: MockClock, policy: OnOwnerLost
) -> None:
    """Elsewhere a former owner went on to write into its successor's history."""
    async with open_replicas(on_owner_lost=policy) as replicas, trio.open_nursery() as nursery:
        here, there = replicas.seats
        await here.start()
        mine, theirs = SimulatedClient(), SimulatedClient()
        nursery.start_soon(reading, here, mine)
        nursery.start_soon(reading, there, theirs)
        here.model.say("kept ")
        await told(theirs, "kept ")
        await trio.sleep(1)
        here.replication.away = True
        here.model.say("lost ")
        await told(mine, "kept lost ")
        await trio.sleep(1.2 * LEASE)
        here.replication.away = False
        if policy == "continue":
            there.model.say("and more")
            there.model.finish()
        here.model.say("too late")
        with trio.fail_after(LEASE):
            await ended(mine, theirs)
        assert here.model.open_connections == 0
        assert mine.frames[-1] == theirs.frames[-1]
        assert mine.content == theirs.content
        assert mine.syncs == 1, "what it had seen is lost"
        assert theirs.syncs == 0
        answer = text_of((await replicas.records.messages(C1))[-1])
        assert answer == ("kept and more" if policy == "continue" else "kept ")


async def reading(seat: Seat, client: SimulatedClient) -> None:
    """To the ending, coming back whenever it is cut."""

    async def follow() -> None:
        with suppress(ActorStopped):
            await read(await seat.find(C1), client)

    while client.terminal is None:
        await seat.serve(follow)
        await trio.sleep(0.1)


async def test_crash_during_append(autojump_clock: MockClock) -> None:
    """Elsewhere a torn log had no ending, or lost a tool's call.  Killed before every write."""
    for write in count(1):
        if not await crashed_at(write):
            break
    assert write > 5


async def crashed_at(write: int) -> bool:
    """False where the job had ended before there was such a write."""
    async with open_replicas() as replicas, trio.open_nursery() as nursery:
        here, there = replicas.seats
        writes = count(1)
        here.replication.on_write = lambda: here.kill() if next(writes) == write else None
        nursery.start_soon(here.serve, partial(start, here))
        await trio.sleep(0.1)
        client = SimulatedClient()
        nursery.start_soon(reading, there, client)
        for chunk in (TextChunk("a"), ToolCallChunk(1, "call_1", "search", "{}"), TextChunk("b")):
            here.model.play(chunk)
            await trio.sleep(0.2)
        here.model.finish()
        with trio.fail_after(3 * LEASE):
            await ended(client)
        assert client.seqs == [*range(client.seqs[0], client.seqs[-1] + 1)]
        assert client.seqs[0] == 1 or client.syncs == 1, "what it had seen may be lost"
        assert set(replicas.world.stages.values()) <= {"ended", "void"}
        was_crashed = not here.is_open  # leaving here closes it
    return was_crashed  # noqa: RET504  # out of the nursery, as ASYNC121 wants it


async def start(seat: Seat) -> None:
    await seat.start()


async def test_recovery_budget(autojump_clock: MockClock) -> None:
    """Elsewhere a job that killed whoever took it over was taken over for ever."""
    async with (
        open_replicas(1, on_owner_lost="continue") as replicas,
        trio.open_nursery() as nursery,
    ):
        await replicas.seats[0].start()
        await trio.sleep(0.1)
        for _ in range(TRIES):
            replicas.seats[-1].kill()
            await replicas.open()
            await trio.sleep(1.2 * LEASE)
            assert await replicas.seats[-1].jobs.active("ann") == [C1], "it goes on"
        replicas.seats[-1].kill()
        client = SimulatedClient()
        nursery.start_soon(reading, await replicas.open(), client)
        with trio.fail_after(1.2 * LEASE):
            await ended(client)
        assert b"it was tried often" in (client.terminal or b"")


async def test_retention(autojump_clock: MockClock) -> None:
    """Elsewhere what had ended, and readers that had left, were kept for ever."""
    async with open_replicas(retention=60.0) as replicas:
        here, there = replicas.seats
        for _ in range(50):
            await here.start()
            client = SimulatedClient()
            with trio.move_on_after(0.1):
                await read(await there.find(C1), client)
            here.model.finish()
            await trio.sleep(0.1)
        await trio.sleep(200)
        world, registry = replicas.world, supervisor_at(here).registry
        assert [world.stored_logs, world.infos, world.stages] == [{}, {}, {}]
        assert list(registry) == []
        assert await there.jobs.whereis("ann", C1) is None


async def test_tool_loop_has_many_finishes(autojump_clock: MockClock) -> None:
    """Elsewhere the end of a tool's call ended the reader.  Here only the ending does."""
    async with open_replicas() as replicas, trio.open_nursery() as nursery:
        here, there = replicas.seats
        await here.start()
        client = SimulatedClient()
        nursery.start_soon(read, await there.find(C1), client)
        for call in range(3):
            here.model.play(ToolCallChunk(call, f"call_{call}", "search", "{}"))
            here.model.say("so ")
            await trio.sleep(1)
            assert client.terminal is None
        here.model.finish()
        with trio.fail_after(1):
            await ended(client)
        assert [part["type"] for part in client.content] == ["tool_call", "text"] * 3
