"""A client that is nothing but a socket, with h11 to read the framing."""

import json
import math
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Self
from uuid import uuid4

import h11
import trio

from legato.http.auth.tokens import sign

SECRET = "the tests' own secret, long enough for HS256"
START = "/api/agents/chat"
STREAM = "/api/agents/chat/stream/"

Started = Mapping[str, str]
"""The reply to a start: it has the generation's ids."""


class Cut(Exception):
    """The connection closed in the middle of a response."""


class RawClient:
    """One connection.  A body that was cut cannot pass for a whole one: reading it raises Cut."""

    def __init__(self, stream: trio.SocketStream, token: str) -> None:
        self.stream = stream
        self.budget: float = math.inf  # bytes to read before it drops the connection itself
        self.at_once = 65536  # bytes to read at once, at most
        self.host = "legato"
        self.chunks = 0  # of the body: the server writes them one by one
        self._frames = deque[bytes]()  # that came and were not asked for yet
        self._rest = b""  # a frame that is not whole yet
        self._token = token
        self._http = h11.Connection(h11.CLIENT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await trio.aclose_forcefully(self.stream)

    def request(
        self, method: str, target: str, *headers: tuple[str, str], body: bytes = b""
    ) -> bytes:
        """All bytes of a request; h11 takes it that they are sent."""
        length = [("Content-Length", str(len(body)))] if body else []
        known = [("Host", self.host), ("Authorization", f"Bearer {self._token}")]
        head = h11.Request(method=method, target=target, headers=[*known, *length, *headers])
        sent = [head, h11.Data(body), h11.EndOfMessage()] if body else [head, h11.EndOfMessage()]
        return b"".join(self._http.send(event) or b"" for event in sent)

    async def ask(
        self, method: str, target: str, *headers: tuple[str, str], body: bytes = b""
    ) -> None:
        await self.stream.send_all(self.request(method, target, *headers, body=body))

    def widen(self) -> None:
        """Have a large receive buffer from now on, before a client that has stalled reads on.

        The system drops what overruns a small buffer, and repeats that after ever longer pauses.
        """
        self.stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 1 << 20)

    async def receive_until(self, end: bytes) -> bytes:
        """The connection's bytes, whatever they mean, with `end` among them."""
        received = b""
        while end not in received:
            piece = await self.stream.receive_some()
            assert piece, received
            received += piece
        return received

    async def event(self) -> h11.Event:
        """The next of h11's events."""
        while True:
            try:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    self._http.receive_data(await self._receive())
                    continue
            except (h11.RemoteProtocolError, trio.BrokenResourceError) as error:
                raise Cut(str(error)) from None
            assert isinstance(event, h11.Event)
            return event

    async def _receive(self) -> bytes:
        if self.budget <= 0:
            raise Cut("dropped by ourselves")
        data = await self.stream.receive_some(int(min(self.budget, self.at_once)))
        self.budget -= len(data)
        return bytes(data)

    async def head(self) -> h11.Response:
        while not isinstance(event := await self.event(), h11.Response):
            assert isinstance(event, h11.InformationalResponse)
        return event

    async def piece(self) -> bytes | None:
        """The next of the body; None at its clean end: then the next request may follow."""
        event = await self.event()
        if isinstance(event, h11.Data):
            self.chunks += event.chunk_start
            return bytes(event.data)
        assert isinstance(event, h11.EndOfMessage)
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._http.start_next_cycle()
        return None

    async def body(self) -> bytes:
        """All of the body that was not read yet."""
        body, self._rest = b"".join(self._frames) + self._rest, b""
        self._frames.clear()
        while (piece := await self.piece()) is not None:
            body += piece
        return body

    async def answer(self) -> tuple[int, Any]:
        """Status and JSON of the response that comes."""
        head = await self.head()
        return head.status_code, json.loads(await self.body())

    async def json(self, method: str, target: str, body: object = None) -> Any:
        """What a request that succeeds is answered with."""
        await self.ask(method, target, body=b"" if body is None else json.dumps(body).encode())
        status, answer = await self.answer()
        assert status == 200, answer
        return answer

    async def follow(self, stream_id: str, query: str = "", *headers: tuple[str, str]) -> None:
        """Ask for a stream, and see that it begins; behind the ending's own cursor nothing does."""
        await self.ask("GET", STREAM + stream_id + query, *headers)
        goes_on = dict(headers).get("Last-Event-ID") is not None
        assert (await self.head()).status_code in ((200, 204) if goes_on else (200,))

    async def frame(self) -> bytes | None:
        """The next server-sent event, whole, with all its bytes; None at the body's clean end."""
        while not self._frames:
            piece = await self.piece()
            if piece is None:
                assert self._rest == b"", "a body ends with a whole frame"
                return None
            *frames, self._rest = (self._rest + piece).split(b"\n\n")
            self._frames += [frame + b"\n\n" for frame in frames]
        return self._frames.popleft()


class Server:
    """One that listens on a port of this machine, from outside."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.token = sign("reader", SECRET, now=time.time(), ttl=3600)

    async def connect(self, *, receive_buffer: int | None = None) -> RawClient:
        """A client; one with a small `receive_buffer` (bytes) is soon found not to read."""
        socket = trio.socket.socket()
        if receive_buffer is not None:
            socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, receive_buffer)
        try:
            await socket.connect(("127.0.0.1", self.port))
        except OSError:
            socket.close()
            raise
        return RawClient(trio.SocketStream(socket), self.token)

    async def start(self, model: str = "scripted", **parameters: object) -> Started:
        body = {
            "text": "Say something.",
            "model": model,
            "conversationId": str(uuid4()),
            "model_parameters": parameters,
        }
        async with await self.connect() as client:
            reply: Started = await client.json("POST", START, body)
            return reply

    async def follow(
        self, started: Started, query: str = "", *, receive_buffer: int | None = None
    ) -> RawClient:
        """A client with the head of the stream's response behind it."""
        client = await self.connect(receive_buffer=receive_buffer)
        await client.follow(started["streamId"], query)
        return client


def cursor_of(frame: bytes) -> str:
    name, _, value = frame.removesuffix(b"\n\n").rpartition(b"\n")[2].partition(b": ")
    assert name == b"id", "the cursor is a frame's last line"
    return value.decode()


def data_of(frame: bytes) -> Any:
    return json.loads(frame.split(b"\ndata: ", 1)[1].split(b"\n", 1)[0])


def text_of(frames: Iterable[bytes]) -> str:
    """What a reader of these frames has on its screen."""
    bodies = (data_of(frame) for frame in frames)
    deltas = (body["data"]["delta"] for body in bodies if body.get("event") == "on_message_delta")
    return "".join(delta["content"][0]["text"] for delta in deltas)


def frames_of(body: bytes) -> list[bytes]:
    *whole, rest = body.split(b"\n\n")
    assert rest == b"", "a body ends with a whole frame"
    return [frame + b"\n\n" for frame in whole]
