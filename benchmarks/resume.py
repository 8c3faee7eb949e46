"""How long a reader waits that comes back to a generation of 10,000 events.

python -m benchmarks.resume
"""

import time
from pathlib import Path
from typing import NamedTuple

import trio

from benchmarks.conditions import RUNS, conditions, folder, median, percentile
from tests.http.raw_client import RawClient, Started
from tests.http.server_process import legato_serve

TOKENS = 10_000
REQUESTS = 200

QUERIES = {"resume=true": "?resume=true", "replay from the first event": ""}


class Figures(NamedTuple):
    p50: float  # milliseconds from the request to the last byte of the answer
    p99: float
    size: int  # bytes of the body
    writes: int  # chunks of the body


async def measure(query: str) -> Figures:
    with folder() as place:
        async with legato_serve(Path(place), LEGATO_DATABASE_URL="memory://") as server:
            started = await server.start(tokens=TOKENS, rate=0)
            async with await server.follow(started) as reader:
                await reader.body()
            async with await server.connect() as client:
                return await resumes(client, started, query)


async def resumes(client: RawClient, started: Started, query: str) -> Figures:
    took, body = [], b""
    for _ in range(REQUESTS):
        client.chunks = 0
        begun = time.perf_counter()
        await client.follow(started["streamId"], query)
        body = await client.body()
        took.append(1000 * (time.perf_counter() - begun))
    return Figures(percentile(took, 0.5), percentile(took, 0.99), len(body), client.chunks)


def main() -> None:
    print(conditions())
    print(
        f"{TOKENS} tokens, finished; {REQUESTS} requests on one connection, one by one; {RUNS} runs"
    )
    for name, query in QUERIES.items():
        runs = [trio.run(measure, query) for _ in range(RUNS)]
        p50, p99 = median([run.p50 for run in runs]), median([run.p99 for run in runs])
        print(
            f"{name:<28} p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   "
            f"{runs[0].size} bytes in {runs[0].writes} writes"
        )


if __name__ == "__main__":
    main()
