"""A user of the application: requests through Quart's test client, streams read frame by frame."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import trio
from msgspec import Struct, json
from quart_trio.testing import TrioClient
from quart_trio.testing.connections import TestHTTPConnection
from trio.testing import wait_all_tasks_blocked

from legato.http.application import Legato
from legato.http.auth.tokens import sign

SECRET: Final = "a secret of thirty-two characters"
FAST: Final[Mapping[str, Any]] = {"tokens": 3, "rate": 0}
STILL: Final[Mapping[str, Any]] = {"tokens": 5, "rate": 0.001}
"""On a clock that stands still: says `w0 `, and then nothing more."""


ENDLESS: Final = ("/api/events",)
"""Paths of streams whose bodies never end: a client of whole replies would wait for ever."""


class Reply(Struct, frozen=True):
    """`body` is the decoded JSON, or None where the reply is none."""

    status: int
    headers: Mapping[str, str]
    text: str
    body: Any


class Frame(Struct, frozen=True):
    """One server-sent event; a comment has `name` ":" and no data."""

    cursor: str
    name: str
    data: Any

    @property
    def seq(self) -> int:
        return int(self.cursor.rsplit(":", 1)[1])


def bearer(user: str, *, ttl: float = 3600) -> dict[str, str]:
    return {"Authorization": f"Bearer {sign(user, SECRET, now=time.time(), ttl=ttl)}"}


async def everything(connection: TestHTTPConnection) -> bytes:
    """A body of any length; the test client's own way hangs at ten chunks."""
    received = bytearray()
    try:
        while True:
            received += await connection.receive()
    except trio.EndOfChannel:
        return bytes(received)


def parsed(text: str) -> Frame:
    """A frame exactly as the contract has it: three lines, or one comment."""
    lines = text.split("\n")
    if lines[0].startswith(":"):
        assert len(lines) == 1
        return Frame("", ":", None)
    names, values = zip(*(line.split(": ", 1) for line in lines), strict=True)
    assert names == ("event", "data", "id")
    return Frame(values[2], values[0], json.decode(values[1]))


class Stream:
    """A response body that is read as it comes; every write must be whole frames."""

    def __init__(self, connection: TestHTTPConnection) -> None:
        self.connection = connection
        self._frames: list[Frame] = []

    @property
    def status(self) -> int | None:
        return self.connection.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return dict(self.connection.headers or {})

    async def next(self) -> Frame:
        """Raises trio.EndOfChannel where the body has ended cleanly."""
        while not self._frames:
            written = (await self.connection.receive()).decode()
            assert not written or written.endswith("\n\n"), "a write is whole frames"
            assert "\r" not in written
            self._frames += [parsed(each) for each in written.split("\n\n") if each]
        return self._frames.pop(0)

    async def rest(self) -> list[Frame]:
        """All that follows, to the clean end of the body."""
        frames = []
        try:
            while True:
                frames.append(await self.next())
        except trio.EndOfChannel:
            return frames

    async def until(self, text: str) -> list[Frame]:
        """Up to the first frame with that text in it."""
        frames = [await self.next()]
        while text.encode() not in json.encode(frames[-1].data):
            frames.append(await self.next())
        return frames


class Client:
    def __init__(self, app: Legato, headers: Mapping[str, str]) -> None:
        self.app = app
        self.headers = dict(headers)

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """`body` is sent as JSON; `data` as it is."""
        sent = data if data is not None else b"" if body is None else json.encode(body)
        own = self.headers | {"Content-Type": "application/json"} | dict(headers or {})
        connection = self.connect(method, path, own)
        async with connection:
            await connection.send(sent)
            await connection.send_complete()
            received = await everything(connection)
        reply_headers = dict(connection.headers or {})
        is_json = reply_headers.get("content-type") == "application/json"
        decoded = json.decode(received) if is_json and received else None
        text = received.decode(errors="replace")
        return Reply(connection.status_code or 0, reply_headers, text, decoded)

    def connect(self, method: str, path: str, headers: dict[str, str]) -> TestHTTPConnection:
        client = TrioClient(self.app, use_cookies=False)
        connection = client.request(path, method=method, headers=headers)
        assert isinstance(connection, TestHTTPConnection)
        return connection

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, body: object) -> Reply:
        return await self.ask("POST", path, body)

    async def try_start(self, text: str = "Hi", **fields: object) -> Reply:
        fields = {"text": text, "model_parameters": FAST} | fields
        return await self.post("/api/agents/chat", fields)

    async def start(self, text: str = "Hi", **fields: object) -> dict[str, Any]:
        """Start a generation that must be accepted: its reply's body."""
        reply = await self.try_start(text, **fields)

        assert reply.status == 200, reply.text
        return dict(reply.body)

    async def finish(self, text: str = "Hi", **fields: object) -> dict[str, Any]:
        """Start a generation and follow it to its end: the ending."""
        started = await self.start(text, **fields)
        frames = await self.read(started["generationId"])
        return dict(frames[-1].data)

    @asynccontextmanager
    async def follow(
        self, stream_id: str, query: str = "", **headers: str
    ) -> AsyncIterator[Stream]:
        """The stream, open; leaving drops the connection."""
        path = f"/api/agents/chat/stream/{stream_id}{query}"
        async with self.open(path, **headers) as stream:
            yield stream

    @asynccontextmanager
    async def open(self, path: str, **headers: str) -> AsyncIterator[Stream]:
        """A stream at any path; leaving drops the connection."""
        own = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = self.connect("GET", path, own)
        async with connection:
            await connection.send_complete()
            yield Stream(connection)
            await connection.disconnect()
            await wait_all_tasks_blocked()
            connection._client_send.close()  # a dropped body never ends; the client waits for that

    async def read(self, stream_id: str, query: str = "", **headers: str) -> list[Frame]:
        """The stream to its end."""
        async with self.follow(stream_id, query, **headers) as stream:
            frames = await stream.rest()
            assert stream.status == 200
            return frames

    async def messages(self, conversation_id: str) -> list[dict[str, Any]]:
        reply = await self.get(f"/api/messages/{conversation_id}")

        assert reply.status == 200, reply.text
        return list(reply.body)
