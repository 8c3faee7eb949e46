"""The time of a page of agents among 1,000: `python -m benchmarks.agent_list`.

A server answers in this process, from SQLite in a temporary folder, over a real socket, one request
after another; so the client's own time is in the figures.
"""

import tempfile
import time
from collections.abc import Mapping
from statistics import median
from typing import Final

import httpx
import trio

from legato.bench.conditions import conditions
from legato.config import Settings
from legato.http.app import create_app
from legato.http.auth.tokens import sign
from legato.http.runtime import open_runtime
from legato.http.server.server import listening, serve_until

SECRET: Final = "a secret of thirty-two characters"
AGENTS: Final = 1_000
TIMES: Final = 41
PAGES: Final[Mapping[str, Mapping[str, str]]] = {
    "as many as a page without a limit has": {},
    "100": {"limit": "100"},
    "100 of those that a search finds": {"limit": "100", "search": "agent 9"},
}


async def fill(client: httpx.AsyncClient) -> None:
    for number in range(AGENTS):
        name = {"name": f"Agent {number}", "model": "scripted", "provider": "scripted"}
        made = await client.post("/api/agents", json={**name, "instructions": "Be short. " * 50})
        made.raise_for_status()


async def report(client: httpx.AsyncClient) -> None:
    for name, query in PAGES.items():
        page = (await client.get("/api/agents", params=query)).raise_for_status().json()
        times = [await milliseconds(client, query) for _ in range(TIMES)]
        size = len(page["data"])
        print(f"{name}: {size} agents, {median(times):.1f} ms, {max(times):.1f} at most")


async def milliseconds(client: httpx.AsyncClient, query: Mapping[str, str]) -> float:
    begin = time.perf_counter()
    await client.get("/api/agents", params=query)
    return (time.perf_counter() - begin) * 1e3


async def main() -> None:
    print(conditions())
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(jwt_secret=SECRET, database_url=f"sqlite:///{folder}/legato.db", port=0)
        app = create_app(settings)
        token = sign("ann", SECRET, now=time.time(), ttl=3600)
        async with (
            listening(settings) as listeners,
            open_runtime(settings) as app.runtime,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(serve_until, trio.sleep_forever, app, listeners)
            port = listeners[0].socket.getsockname()[1]
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}
            ) as client:
                await fill(client)
                await report(client)
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
