"""The bytes of a WebSocket leave in one order, whatever the kernel takes of a write."""

from collections.abc import Iterator
from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET, socket, socketpair

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from legato.http.server.transport.client_stream import ClientStream
from legato.http.server.transport.frames import FrameWriter

LARGE = bytes(200_000)  # more than the kernel takes of one write here
PONG = b"\x8a\x00"
SOON = 5.0


@pytest.fixture
def pair() -> Iterator[tuple[socket, socket]]:
    """The server's end and the client's, with small buffers."""
    ours, theirs = socketpair()
    ours.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096)
    theirs.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


async def received(theirs: socket, size: int) -> bytes:
    client = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
    data = b""
    with trio.fail_after(SOON):
        while len(data) < size:
            data += await client.receive_some()
    return data


async def test_what_the_kernel_takes_is_sent_without_waiting(pair: tuple[socket, socket]) -> None:
    ours, theirs = pair
    writer = FrameWriter(ClientStream(ours, SOON))

    assert writer.write(PONG)
    assert theirs.recv(100) == PONG


async def test_a_frame_waits_behind_the_rest_of_the_frame_before(
    pair: tuple[socket, socket], nursery: trio.Nursery
) -> None:
    ours, theirs = pair
    writer = FrameWriter(ClientStream(ours, SOON))
    assert not writer.write(LARGE)
    nursery.start_soon(writer.flush)
    await wait_all_tasks_blocked()
    assert not writer.write(PONG)
    nursery.start_soon(writer.flush)

    assert await received(theirs, len(LARGE + PONG)) == LARGE + PONG
    await wait_all_tasks_blocked()
    assert writer.waiting == 0


async def test_a_frame_that_was_begun_is_sent_to_its_end_though_the_sender_is_cancelled(
    pair: tuple[socket, socket], nursery: trio.Nursery
) -> None:
    ours, theirs = pair
    writer = FrameWriter(ClientStream(ours, SOON))
    writer.write(LARGE)
    async with trio.open_nursery() as sending:
        sending.start_soon(writer.flush)
        await wait_all_tasks_blocked()
        nursery.start_soon(received, theirs, len(LARGE))
        sending.cancel_scope.cancel()

    assert writer.waiting == 0


async def test_a_client_that_takes_nothing_is_given_up(pair: tuple[socket, socket]) -> None:
    ours, _ = pair
    writer = FrameWriter(ClientStream(ours, 0.01))
    writer.write(LARGE)
    for _ in range(2):
        with pytest.raises((trio.BrokenResourceError, trio.ClosedResourceError)):
            await writer.flush()
