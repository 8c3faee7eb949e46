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

from benchmarks.serving import serving, token
from legato.bench.conditions import conditions

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
    headers = {"Authorization": f"Bearer {token()}"}
    with tempfile.TemporaryDirectory() as folder:
        async with (
            serving(f"sqlite:///{folder}/legato.db") as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
        ):
            await fill(client)
            await report(client)


if __name__ == "__main__":
    trio.run(main)
