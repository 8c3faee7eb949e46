"""A reader that is slow costs little, delays nobody, and has in the end what all others have."""

from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.stream.projection import PAGE_BYTES
from legato.actors.stream.sinks import BACKLOG_BYTES
from legato.actors.subscription import Subscription
from tests.support.actors import SimulatedClient, open_house
from tests.support.http.live_server import LiveServer, Serve, kept_for
from tests.support.http.raw_client import frames_of, text_of
from tests.support.reading import following

TOKENS = 20_000  # 4 MB of frames
ANSWER = "".join(f"w{i} " for i in range(TOKENS))
STEP = 1000  # bytes of text
WRITE = 64 * 1024  # bytes: what one turn of the job may push beside what waits already


async def test_two_readers_one_slow(serve: Serve) -> None:
    """Elsewhere a slow reader's queue grew without end, or lost its oldest, or held up the rest."""
    async with serve() as server:
        started = await server.start(tokens=TOKENS, rate=40_000, delay=0.2)
        async with (
            await server.follow(started, receive_buffer=4096) as slow,
            await server.follow(started) as fast,
        ):
            seen, most, taken = b"", 0, []
            while (piece := await fast.piece()) is not None:
                seen += piece
                most = max(most, waiting_bytes(server))
                if fast.chunks % 20 == 0:
                    taken.append(await slow.frame())
            behind = TOKENS - len(taken)
            slow.widen()
            whole, rest = frames_of(seen), frames_of(await slow.body())

    assert 0 < len(taken) < behind, "the slow one was none"
    assert most <= BACKLOG_BYTES + WRITE + len(ANSWER)  # the ending has the answer in it
    assert taken + rest == whole
    assert text_of(whole) == ANSWER


def waiting_bytes(server: LiveServer) -> int:
    """The most that waits in the process for any reader."""
    return max(map(kept_for, server.app.streams.bodies), default=0)


async def test_two_readers_one_slow_in_every_step(autojump_clock: MockClock) -> None:
    """Elsewhere the slow one's text had holes where its queue had been full."""
    async with open_house() as house:
        job = house.start()
        slow, subscription, sinks = (
            SimulatedClient(),
            Subscription(job, "librechat", "beginning"),
            set[object](),
        )

        async def read_one() -> bool:
            chunk = await subscription.receive()
            sinks.add(subscription._sink)
            slow.feed(chunk.data)
            assert chunk.last or len(chunk.data) <= PAGE_BYTES + 2 * STEP  # the last has it all
            return chunk.last

        async with following(job, "beginning") as [fast]:
            for number in range(300):
                house.model.say(f"{number:04} " * (STEP // 5))
                await wait_all_tasks_blocked()
                assert fast.client.seqs[-1] == house.job(job).feed.snapshot().seq
                if number % 60 == 0:
                    await read_one()
                assert subscription._sink is not None
                assert subscription._sink._waiting <= BACKLOG_BYTES + 2 * STEP
            house.model.finish()
        while not await read_one():
            pass

    assert len(sinks) > 3, "the slow one was none"
    assert slow.seqs == fast.client.seqs
    assert slow.content == fast.client.content
    assert slow.terminal == fast.client.terminal
