"""A provider on a real socket that plays exactly the bytes a test gives it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

import trio

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
PATIENCE: Final = 60.0  # seconds for an event that a fault would keep away for ever

Play = Callable[[trio.SocketStream], Awaitable[None]]


class PlayedProvider:
    """Plays `plays` in order, one for each request, whichever connection it comes by."""

    def __init__(self) -> None:
        self.base_url = ""
        self.plays: list[Play] = []
        self.bodies: list[dict[str, Any]] = []
        self.heads: list[bytes] = []
        self.connections = 0
        self.saw_close = trio.Event()

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        with stream.socket:
            while await self._receive_request(stream):
                with suppress(trio.BrokenResourceError):  # a client that has read enough leaves
                    await self.plays.pop(0)(stream)

    async def _receive_request(self, stream: trio.SocketStream) -> bool:
        received = b""
        while b"\r\n\r\n" not in received:
            received += (read := await _read(stream))
            if not read:
                self.saw_close.set()
                return False
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += await stream.receive_some()
        self.heads.append(head)
        self.bodies.append(json.loads(body))
        return True


async def _read(stream: trio.SocketStream) -> bytes:
    try:
        return bytes(await stream.receive_some())
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return b""


@asynccontextmanager
async def open_provider() -> AsyncIterator[PlayedProvider]:
    async with trio.open_nursery() as nursery:
        provider = PlayedProvider()
        serve = partial(trio.serve_tcp, provider.serve, 0, host="127.0.0.1")
        listeners: list[trio.SocketListener] = await nursery.start(serve)
        provider.base_url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
        yield provider
        nursery.cancel_scope.cancel()


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


def event(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields, ensure_ascii=False).encode() + b"\n\n"


def delta(**fields: object) -> bytes:
    return event(choices=[{"index": 0, "delta": fields, "finish_reason": None}])


def finish(reason: str) -> bytes:
    return event(choices=[{"index": 0, "delta": {}, "finish_reason": reason}])


DONE = b"data: [DONE]\n\n"


def streams(*pieces: bytes) -> Play:
    """The pieces as HTTP chunks in one write, then the body's end."""
    return sends(HEAD, *[chunk(piece) for piece in pieces], END)


def cuts(*pieces: bytes) -> Play:
    """The pieces, then the connection is closed in mid-body."""

    async def play(stream: trio.SocketStream) -> None:
        await stream.send_all(HEAD + b"".join(chunk(piece) for piece in pieces))
        await stream.aclose()

    return play


def sends(*parts: bytes) -> Play:
    async def play(stream: trio.SocketStream) -> None:
        await stream.send_all(b"".join(parts))

    return play


def answers(status: str, body: bytes = b"", *headers: bytes) -> Play:
    head = b"HTTP/1.1 %s\r\ncontent-length: %d\r\n" % (status.encode(), len(body))
    return sends(head, *[header + b"\r\n" for header in headers], b"\r\n", body)
