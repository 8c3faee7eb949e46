"""A client of Chat Completions: what it asks, and the chunks that it gets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import trio
from msgspec import Struct, json
from quart_trio.testing.connections import TestHTTPConnection
from trio.testing import wait_all_tasks_blocked

from tests.support.http.client import FAST, Client

PATH: Final = "/v1/chat/completions"
DONE: Final = "[DONE]"
ASKED: Final[dict[str, Any]] = {
    "model": "scripted",
    "messages": [{"role": "user", "content": "Hi"}],
    **FAST,
}


class Chunk(Struct, frozen=True):
    """`cursor` is "" where the frame has none."""

    cursor: str
    data: Any

    @property
    def text(self) -> str:
        """What it adds to the answer."""
        choices = [] if self.data == DONE else self.data["choices"]
        return "".join(choice["delta"].get("content", "") for choice in choices)


def chunks_of(body: str) -> list[Chunk]:
    *frames, rest = body.split("\n\n")
    assert rest == "", "a body ends with a whole frame"
    return [_chunk(frame) for frame in frames if not frame.startswith(":")]


def _chunk(frame: str) -> Chunk:
    first, *rest = frame.split("\n")
    data = first.removeprefix("data: ")
    cursor = rest[0].removeprefix("id: ") if rest else ""
    assert frame == f"data: {data}" + (f"\nid: {cursor}" if rest else "")
    return Chunk(cursor, data if data == DONE else json.decode(data))


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def streamed(client: Client, **fields: Any) -> list[Chunk]:
    """The chunks of a stream that must be accepted, to its end."""
    reply = await client.post(PATH, ASKED | {"stream": True} | fields)

    assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (
        200,
        "text/event-stream",
    ), reply.text
    return chunks_of(reply.text)


@asynccontextmanager
async def asking(client: Client, **fields: Any) -> AsyncIterator[TestHTTPConnection]:
    """A request under way; leaving the block drops the connection."""
    headers = client.headers | {"Content-Type": "application/json"}
    connection = client.connect("POST", PATH, headers)
    async with connection:
        await connection.send(json.encode(ASKED | fields))
        await connection.send_complete()
        yield connection
        await connection.disconnect()
        await wait_all_tasks_blocked()
        connection._client_send.close()  # a dropped body never ends; the client waits for that


async def received(connection: TestHTTPConnection, text: str) -> str:
    """What comes, up to and with that text."""
    body = ""
    while text not in body:
        try:
            body += (await connection.receive()).decode()
        except trio.EndOfChannel:
            raise AssertionError(f"no {text!r} in {body!r}") from None
    return body
