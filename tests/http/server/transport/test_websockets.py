"""Bounds on the costs of one WebSocket for all other clients."""

import zlib
from collections.abc import AsyncIterator
from socket import socketpair
from typing import Any

import pytest
import trio
from hypercorn.config import Config
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from legato.http.server.transport.client_stream import ClientStream
from legato.http.server.transport.frames import FrameWriter
from legato.http.server.transport.websockets import WebSocketStream
from tests.http.server.transport.test_connection import handshake
from tests.support.http.live_server import LiveServer, live_server
from tests.support.http.raw_client import RawClient

SOON = 5.0
EMPTY = bytes((0x00, 0x80, 0, 0, 0, 0))  # the bytes of a fragment without data


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    async with live_server() as server:
        yield server


class Talk:
    """An open WebSocket, with wsproto to read the frames."""

    def __init__(self, raw: RawClient) -> None:
        self.raw = raw
        self.frames = Connection(ConnectionType.CLIENT)

    async def say(self, event: Event) -> None:
        await self.raw.stream.send_all(self.frames.send(event))

    async def heard(self) -> list[Event]:
        data = await self.raw.stream.receive_some()
        if not data:
            return []
        self.frames.receive_data(bytes(data))
        return [*self.frames.events()]

    async def ending(self) -> CloseConnection:
        """The server's close frame, after which the connection ends."""
        with trio.fail_after(SOON):
            while True:
                for event in await self.heard():
                    if isinstance(event, CloseConnection):
                        return event


async def opened(server: LiveServer, raw: RawClient, *more: str) -> bytes:
    lines = [line.encode() + b"\r\n" for line in more]
    await raw.stream.send_all(handshake(server)[:-2] + b"".join(lines) + b"\r\n")
    head = await raw.receive_until(b"\r\n\r\n")
    assert b" 101 " in head
    return head


async def test_compression_is_not_agreed_to_and_what_is_compressed_is_refused(
    server: LiveServer,
) -> None:
    deflate = zlib.compressobj(wbits=-15)
    bomb = (deflate.compress(bytes(2**20)) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    async with await server.connect() as raw:
        head = await opened(server, raw, "Sec-WebSocket-Extensions: permessage-deflate")
        await raw.stream.send_all(bytes((0xC1, 0xFE)) + len(bomb).to_bytes(2) + bytes(4) + bomb)
        ending = await Talk(raw).ending()

    assert b"extensions" not in head.lower()
    assert ending.code == 1002


async def test_a_message_of_too_many_frames_ends_its_connection(server: LiveServer) -> None:
    async with await server.connect() as raw:
        await opened(server, raw)
        talk = Talk(raw)
        await talk.say(TextMessage("{", message_finished=False))
        await raw.stream.send_all(EMPTY * 1100)
        ending = await talk.ending()

    assert (ending.code, ending.reason) == (1008, "more than 1024 frames of one message")


async def test_others_have_their_turn_between_two_frames(server: LiveServer) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with await server.connect() as raw, trio.open_nursery() as nursery:
        await opened(server, raw)
        talk = Talk(raw)
        await talk.say(TextMessage("{", message_finished=False))
        nursery.start_soon(count)
        await raw.stream.send_all(EMPTY * 1100)
        await talk.ending()
        nursery.cancel_scope.cancel()

    assert turns > 1000


async def test_frames_beyond_what_is_read_at_once_are_answered_later_but_all(
    server: LiveServer,
) -> None:
    count = 1200
    async with await server.connect() as raw:
        await opened(server, raw)
        talk = Talk(raw)
        begun = trio.current_time()
        await raw.stream.send_all(b"".join(talk.frames.send(Ping()) for _ in range(count)))
        pongs = 0
        with trio.fail_after(SOON):
            while pongs < count:
                pongs += sum(isinstance(event, Pong) for event in await talk.heard())
        took = trio.current_time() - begun

    assert 0.3 < took < SOON


async def test_a_large_message_may_come_in_many_frames_and_many_pieces(server: LiveServer) -> None:
    async with await server.connect() as raw:
        await opened(server, raw)
        talk = Talk(raw)
        for number in range(1000):
            await talk.say(BytesMessage(b" " * 2000, message_finished=number == 999))
        with trio.fail_after(SOON):
            [answer] = await talk.heard()

    assert isinstance(answer, TextMessage)
    assert "malformed JSON" in answer.data


async def test_words_before_the_handshake_is_answered_end_the_connection(
    server: LiveServer,
) -> None:
    async with await server.connect() as raw:
        await raw.stream.send_all(handshake(server) + EMPTY)
        with trio.fail_after(SOON):
            while await raw.stream.receive_some():
                pass


async def test_a_handshake_that_is_none_is_refused_and_its_connection_closed(
    server: LiveServer,
) -> None:
    async with await server.connect() as raw:
        await raw.stream.send_all(handshake(server).replace(b"Version: 13", b"Version: 12"))
        with trio.fail_after(SOON):
            answer = await raw.receive_until(b"\r\n\r\n")
            assert await raw.stream.receive_some() == b""

    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_closing_handshake_is_answered(server: LiveServer) -> None:
    async with await server.connect() as raw:
        await opened(server, raw)
        talk = Talk(raw)
        await talk.say(CloseConnection(code=1000))
        assert (await talk.ending()).code == 1000

    assert talk.frames.state is ConnectionState.CLOSED


async def test_an_application_writes_frames_until_the_close_frame() -> None:
    passed_up: list[Any] = []

    async def send(event: Any) -> None:
        passed_up.append(event.data)

    ours, theirs = socketpair()
    with ours, theirs:
        stream = WebSocketStream(None, Config(), None, None, False, None, None, send, 1)
        stream.writer = FrameWriter(ClientStream(ours, SOON))
        stream.connection = Connection(ConnectionType.SERVER)
        assert stream.write(b"one")
        await stream.send_frames(b"two")
        stream.connection.send(CloseConnection(code=1000))
        assert stream.write(b"three")
        await stream.send_frames(b"four")
        assert theirs.recv(100) == b"one"

    assert passed_up == [b"two"]
    assert stream.waiting == 0
