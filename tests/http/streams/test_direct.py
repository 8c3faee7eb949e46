"""The direct way on a simulated kernel: the same promise, however little of a write is taken."""

from collections.abc import Sequence

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.stream.places import Start
from legato.actors.stream.sinks import Chunk
from legato.http.streams.direct import DirectBody
from legato.http.streams.served import ServedBody
from legato.http.streams.socket_sink import Coding, SocketSink, chunked
from legato.http.streams.streaming import HEARTBEAT, Reading, StreamCut, Streams
from tests.actors.test_parking import Place, begin
from tests.actors.test_promise import Machine, Reader, play
from tests.support.actors import C1, House, open_house
from tests.support.parking import asked, parked

ROOM = 3000  # bytes that the kernel takes for a stalled reader


class PlayedSocket:
    """Takes bytes while there is room, and keeps all taken bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken = b""
        self.is_broken = False
        self.readable = trio.Event()

    def send_nowait(self, data: bytes) -> int:
        if self.is_broken:
            raise BrokenPipeError
        taken = min(self.room, len(data))
        if data and not taken:
            raise BlockingIOError
        self.taken += data[:taken]
        self.room -= taken
        return taken

    async def send_all(self, data: bytes | memoryview) -> None:
        await self.readable.wait()
        await trio.lowlevel.checkpoint()
        if self.is_broken:
            raise trio.BrokenResourceError
        self.taken += data

    def read(self) -> None:
        """From now on the other end reads everything."""
        self.room = 1 << 30
        self.readable.set()


def dechunked(coded: bytes) -> bytes:
    """The data of a chunked body, as far as received."""
    body = b""
    while b"\r\n" in coded:
        length, _, coded = coded.partition(b"\r\n")
        size = int(length, 16)
        body += coded[:size]
        assert coded[size : size + 2] in (b"\r\n", b"\r", b""), "a chunk ends where it said"
        coded = coded[size + 2 :]
    return body


class DirectReader(Reader):
    """A client on the direct way, which reads whole frames whenever willing."""

    async def run(self) -> None:
        while not self.ended:
            socket = PlayedSocket(ROOM)
            with trio.CancelScope() as self.connection:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._read_when_willing, socket)
                    start = self.client.cursor or self.start
                    reading = Reading(self.job, "librechat", start)
                    body = DirectBody(reading, socket, 60, Streams())
                    async with body:
                        self.ended = await anext(body, b"") == b""
                    nursery.cancel_scope.cancel()
            frames = dechunked(socket.taken).replace(HEARTBEAT, b"")
            whole, end, _ = frames.rpartition(b"\n\n")
            if end:
                self.client.feed(whole + end)

    async def _read_when_willing(self, socket: PlayedSocket) -> None:
        await self.willing.wait()
        socket.read()


class DirectMachine(Machine):
    def reader(self, start: Start) -> Reader:
        kind: type[Reader] = self.draw(st.sampled_from([DirectReader, DirectReader, Reader]))
        return kind(self.job, start)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.random_module())
def test_the_promise_holds_past_the_server(data: st.DataObject, random: object) -> None:
    trio.run(play, data, DirectMachine, clock=MockClock(autojump_threshold=0))


sizes = st.lists(st.integers(0, 50), min_size=1, max_size=30)


@given(sizes, st.integers(0, 400))
async def test_what_the_kernel_does_not_take_comes_before_anything_else(
    lengths: Sequence[int], room: int
) -> None:
    socket = PlayedSocket(room)
    socket.readable.set()
    sink = SocketSink(socket, Coding())
    expected = b""
    for seq, length in enumerate(lengths, 1):
        chunk = Chunk(b"x" * length, seq, 1)
        if sink.push(chunk):
            expected += chunked(chunk.data)
            assert sink.seq == seq
        else:
            await sink.flush()
            assert socket.taken == expected
            assert sink.seq < seq
    await sink.flush()

    assert socket.taken == expected


async def test_while_something_is_kept_every_push_is_refused() -> None:
    sink = SocketSink(PlayedSocket(3), Coding())

    assert sink.push(Chunk(b"abcdef", 1, 1))
    assert not sink.push(Chunk(b"g", 2, 1))
    assert not sink.push(Chunk(b"g", 2, 1))
    assert sink.seq == 1


async def test_a_sink_that_caught_up_before_the_next_push_stays() -> None:
    socket = PlayedSocket(3)
    sink = SocketSink(socket, Coding())
    sink.push(Chunk(b"abcdef", 1, 1))
    socket.read()
    await sink.flush()

    assert sink.push(Chunk(b"g", 2, 1))
    assert dechunked(socket.taken) == b"abcdefg"
    assert not sink.is_done


async def test_a_connection_that_broke_takes_nothing_and_is_left() -> None:
    socket = PlayedSocket(0)
    socket.is_broken = True
    sink = SocketSink(socket, Coding())

    assert not sink.push(Chunk(b"abcdef", 1, 1))
    assert (sink.is_left, sink.is_done) == (True, True)


async def test_what_many_readers_get_is_coded_once() -> None:
    coding, chunk = Coding(), Chunk(b"abc", 1, 1)

    assert coding.coded(chunk) is coding.coded(chunk)
    assert coding.coded(Chunk(b"", 2, 1)) == b"", "an empty chunk would end the body"


async def follow(house: House, socket: PlayedSocket, heartbeat: float = 60) -> None:
    """Read a direct body, from the question to the end."""
    job = house.start()
    house.model.say("a")
    reading = Reading(job, "librechat", "beginning")
    async with DirectBody(reading, socket, heartbeat, Streams()) as body:
        await anext(body, None)


async def test_in_silence_there_is_a_comment_in_time(autojump_clock: MockClock) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        socket = PlayedSocket(1 << 20)
        nursery.start_soon(follow, house, socket, 10)
        for _ in range(8):
            house.model.say("x")
            await trio.sleep(4)
        assert HEARTBEAT not in dechunked(socket.taken), "it was never silent"
        await trio.sleep(10)
        assert dechunked(socket.taken).count(HEARTBEAT) in (1, 2)
        assert dechunked(socket.taken).endswith(HEARTBEAT)
        house.model.finish()


async def test_a_comment_that_does_not_fit_is_finished_first(autojump_clock: MockClock) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        socket = PlayedSocket(1 << 20)
        nursery.start_soon(follow, house, socket, 10)
        await wait_all_tasks_blocked()
        socket.room = 4
        await trio.sleep(11)
        house.model.say("more")
        await wait_all_tasks_blocked()
        assert not dechunked(socket.taken).endswith(HEARTBEAT)
        socket.read()
        house.model.finish()

    frames = dechunked(socket.taken)
    assert b"\n\n" + HEARTBEAT + b"event: " in frames
    assert b'"text":"more"' in frames


@pytest.mark.parametrize("room", [0, 1 << 20])
async def test_a_body_whose_client_is_gone_is_cut(room: int, autojump_clock: MockClock) -> None:
    socket = PlayedSocket(room)
    cut = False

    async with open_house() as house, trio.open_nursery() as nursery:

        async def read() -> None:
            nonlocal cut
            try:
                await follow(house, socket)
            except StreamCut:
                cut = True

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        socket.is_broken = True
        socket.read()
        house.model.say("x")
        await wait_all_tasks_blocked()
        assert cut
        house.model.finish()


async def test_a_stream_of_a_parked_run_that_cannot_be_read_is_cut(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house:
        run = begin(house)
        await asked(run)
        await parked(house, run)
        place.journal.is_away = True
        job = house.supervisor.whereis(C1)
        assert job is not None
        reading, streams = Reading(job, "librechat", "beginning"), Streams()
        for body in (
            ServedBody(reading, 60, streams),
            DirectBody(reading, PlayedSocket(ROOM), 60, streams),
        ):
            async with body:
                with pytest.raises(StreamCut):
                    await anext(body)
