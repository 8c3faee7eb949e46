"""A job's events as frames of a WebSocket, past the ASGI server."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from wsproto.frame_protocol import FrameProtocol

from legato.actors.stream.sinks import Chunk
from legato.http.streams.frames import FrameSink, text_frame

CHUNK = Chunk(b"one", 1, 7)
LAST = Chunk(b"end", 2, 7, last=True)


class PlayedSocket:
    """Keeps what is written from the time on when the client reads no more."""

    def __init__(self, *, reads: bool = True) -> None:
        self.sent = b""
        self.kept = b""
        self.reads = reads
        self.readable = trio.Event()

    @property
    def waiting(self) -> int:
        return len(self.kept)

    def write(self, frames: bytes) -> bool:
        if self.reads:
            self.sent += frames
        else:
            self.kept += frames
        return self.reads

    async def send_frames(self, frames: bytes) -> None:
        self.write(frames)
        if self.kept:
            await self.readable.wait()
            self.sent, self.kept = self.sent + self.kept, b""


def sink_of(socket: PlayedSocket) -> FrameSink:
    return FrameSink(socket, bytes.upper)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536])
def test_a_text_is_the_frame_that_wsproto_makes_of_it(size: int) -> None:
    text = "ü" * (size // 2) + "x" * (size % 2)

    assert text_frame(text.encode()) == FrameProtocol(False, []).send_data(text)


def test_a_push_is_written_at_once_and_its_place_is_kept() -> None:
    socket = PlayedSocket()
    sink = sink_of(socket)

    assert sink.push(CHUNK)
    assert (socket.sent, sink.seq, sink.epoch, sink.last) == (b"ONE", 1, 7, None)


def test_the_ending_is_left_to_the_responses_own_task() -> None:
    socket = PlayedSocket(reads=False)
    sink = sink_of(socket)
    sink.push(CHUNK)

    assert sink.push(LAST)
    assert (socket.kept, sink.seq, sink.last) == (b"ONE", 1, LAST)


def test_nothing_is_taken_while_bytes_wait_for_the_client() -> None:
    socket = PlayedSocket(reads=False)
    sink = sink_of(socket)
    taken = [sink.push(Chunk(b"one", seq, 7)) for seq in (1, 2)]

    assert taken == [True, False]
    assert (sink.waiting, sink.seq) == (3, 1)


def test_nothing_is_taken_for_a_reader_that_has_left() -> None:
    socket = PlayedSocket()
    sink = sink_of(socket)
    sink.leave()

    assert not sink.push(CHUNK)
    assert not sink.push(LAST)
    assert socket.sent == b""


async def test_a_sink_is_done_once_it_is_closed_and_its_bytes_are_sent(
    nursery: trio.Nursery,
) -> None:
    socket = PlayedSocket(reads=False)
    sink = sink_of(socket)
    done = trio.Event()

    async def wait() -> None:
        await sink.done()
        done.set()

    nursery.start_soon(wait)
    sink.push(CHUNK)
    await wait_all_tasks_blocked()
    sink.close()
    await wait_all_tasks_blocked()
    assert not done.is_set()

    socket.reads = True
    socket.readable.set()
    await wait_all_tasks_blocked()
    assert done.is_set()
    assert socket.sent == b"ONE"


async def test_bytes_that_wait_are_sent_while_the_sink_is_open(nursery: trio.Nursery) -> None:
    socket = PlayedSocket(reads=False)
    sink = sink_of(socket)
    nursery.start_soon(sink.done)
    sink.push(CHUNK)
    socket.reads = True
    socket.readable.set()
    await wait_all_tasks_blocked()
    assert socket.sent == b"ONE"

    assert sink.push(CHUNK)
    sink.close()
