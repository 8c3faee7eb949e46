"""The processor time of a token by each way to a client: `python -m benchmarks.ways`.

A server in a process of its own, with memory instead of a database, says 50 tokens a second to each
of 200 clients, all by one way: the chat route's stream, OpenAI's two APIs, or the WebSocket of
Responses.  The ways are measured in turns.  What a token costs is the server's processor time in a
window of four seconds, by the tokens that came to the clients in that window.
"""

from collections.abc import Awaitable, Callable, Mapping
from statistics import median
from typing import Final

import msgspec
import trio
from trio_websocket import open_websocket

from legato.bench.conditions import conditions
from legato.bench.counting import Tally
from legato.bench.processes import cpu_seconds
from legato.bench.servers.served import Served, legato

CLIENTS: Final = 60
SECONDS: Final = 4.0
TURNS: Final = 3
MODEL: Final = """
[models.paced]
provider = "scripted"
parameters = { tokens = 1000000, rate = 50 }
"""

Take = Callable[[bytes], None]
Way = Callable[[Served, Take], Awaitable[None]]


async def chat(served: Served, take: Take) -> None:
    asked = {"text": "Hi.", "model": "paced"}
    reply = await _answer(served, "POST", "/api/agents/chat", asked)
    stream = msgspec.json.decode(reply)["streamId"]
    await _stream(served, "GET", f"/api/agents/chat/stream/{stream}", None, take)


async def completions(served: Served, take: Take) -> None:
    asked = {"model": "paced", "messages": [{"role": "user", "content": "Hi."}], "stream": True}
    await _stream(served, "POST", "/v1/chat/completions", asked, take)


async def responses(served: Served, take: Take) -> None:
    asked = {"model": "paced", "input": "Hi.", "stream": True, "store": False}
    await _stream(served, "POST", "/v1/responses", asked, take)


async def sockets(served: Served, take: Take) -> None:
    headers = [(b"Authorization", f"Bearer {served.token}".encode())]
    asked = {"type": "response.create", "model": "paced", "input": "Hi.", "store": False}
    async with open_websocket(
        "127.0.0.1", served.port, "/v1/responses", use_ssl=False, extra_headers=headers
    ) as socket:
        await socket.send_message(msgspec.json.encode(asked).decode())
        while True:
            take(str(await socket.get_message()).encode())


DELTA: Final = b'"type":"response.output_text.delta"'
WAYS: Final[Mapping[str, tuple[Way, bytes]]] = {
    "chat route": (chat, b"\nevent: "),
    "/v1/chat/completions": (completions, b'"delta":{"content"'),
    "/v1/responses": (responses, DELTA),
    "WebSocket": (sockets, DELTA),
}


async def _ask(served: Served, method: str, path: str, body: object | None) -> trio.SocketStream:
    stream = await trio.open_tcp_stream("127.0.0.1", served.port)
    data = b"" if body is None else msgspec.json.encode(body)
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: legato\r\nAuthorization: Bearer {served.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    await stream.send_all(head.encode() + data)
    return stream


async def _answer(served: Served, method: str, path: str, body: object) -> bytes:
    async with await _ask(served, method, path, body) as stream:
        reply = b""
        while not reply.endswith(b"}"):
            reply += await stream.receive_some()
        return reply.partition(b"\r\n\r\n")[2]


async def _stream(served: Served, method: str, path: str, body: object | None, take: Take) -> None:
    async with await _ask(served, method, path, body) as stream:
        while data := await stream.receive_some():
            take(bytes(data))


async def cost(way: Way, pattern: bytes) -> float:
    """Microseconds of the server's processor time for a token."""
    count = 0

    async def follow(served: Served) -> None:
        tally = Tally(pattern)

        def take(data: bytes) -> None:
            nonlocal count
            count += tally.take(data)

        await way(served, take)

    with legato(settings=MODEL) as served:
        async with trio.open_nursery() as nursery:
            for _ in range(CLIENTS):
                nursery.start_soon(follow, served)
            await trio.sleep(3)
            begin, before = count, cpu_seconds(served.pid)
            await trio.sleep(SECONDS)
            tokens, spent = count - begin, cpu_seconds(served.pid) - before
            nursery.cancel_scope.cancel()
    asked = CLIENTS * 50 * SECONDS
    assert abs(tokens - asked) < asked / 10, f"{tokens} of {asked:g} tokens came"
    return spent / tokens * 1e6


async def main() -> None:
    print(conditions())
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(TURNS):
        for name, (way, pattern) in WAYS.items():
            found[name].append(await cost(way, pattern))
    chat_route = median(found["chat route"])
    for name, costs in found.items():
        times = median(costs) / chat_route
        print(
            f"{name}: {median(costs):.0f} µs a token ({min(costs):.0f} to {max(costs):.0f}),",
            end=" ",
        )
        print(f"{times:.2f} times the chat route's")


if __name__ == "__main__":
    trio.run(main)
