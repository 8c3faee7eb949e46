"""What readers that never read cost the server, and what they cost a reader that does.

python -m benchmarks.stalled_readers
"""

import re
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from legato.bench.conditions import RUNS, conditions, folder, median, percentile
from tests.support.http.raw_client import Started
from tests.support.http.server_process import ServerProcess, legato_serve

TOKENS = 10_000
RATE = 2000  # tokens/s
STALLED = 200
RECEIVE_BUFFER = 4096  # bytes: the kernel takes little on a reader's behalf
STAMP = re.compile(rb'"text":"ts=(\d+) "')


class Figures(NamedTuple):
    memory: float  # KiB by which the server's process grew
    kernel: float  # KiB by which the kernel's socket buffers grew, both ends
    p50: float  # milliseconds from a token's making to its arrival at the reader that reads
    p99: float


async def measure(stalled: int, query: str, *, finished: bool) -> Figures:
    with folder() as place:
        async with legato_serve(Path(place), LEGATO_DATABASE_URL="memory://") as server:
            await warm_up(server)
            started = await server.start(tokens=TOKENS, rate=RATE, stamp=True, delay=1)
            if finished:
                await read(server, started)
            return await with_stalled(server, started, stalled, query)


async def warm_up(server: ServerProcess) -> None:
    """Have the server's allocator and caches filled by as much as is measured then."""
    started = await server.start(tokens=TOKENS, rate=0)
    await read(server, started)
    async with AsyncExitStack() as clients:
        await stall(server, started, 20, "", clients)


async def with_stalled(
    server: ServerProcess, started: Started, stalled: int, query: str
) -> Figures:
    before, kernel = resident(server), kernel_buffers()
    async with AsyncExitStack() as clients:
        await stall(server, started, stalled, query, clients)
        lags = await read(server, started)
        lags = lags[len(lags) // 2 :]  # by then nobody's buffers take more
        grown, in_kernel = resident(server) - before, kernel_buffers() - kernel
    return Figures(grown, in_kernel, percentile(lags, 0.5), percentile(lags, 0.99))


async def stall(
    server: ServerProcess, started: Started, count: int, query: str, clients: AsyncExitStack
) -> None:
    for _ in range(count):
        client = await server.follow(started, query, receive_buffer=RECEIVE_BUFFER)
        await clients.enter_async_context(client)


async def read(server: ServerProcess, started: Started) -> list[float]:
    """Read it all; the milliseconds that each token took."""
    lags = []
    async with await server.follow(started) as reader:
        while frame := await reader.frame():
            if stamp := STAMP.search(frame):
                lags.append((time.monotonic_ns() - int(stamp[1])) / 1e6)
    return lags


def resident(server: ServerProcess) -> float:
    """KiB of memory that the server's process holds."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    assert found
    return float(found[1])


def kernel_buffers() -> float:
    """KiB that all TCP sockets of the machine hold."""
    found = re.search(r"^TCP: .* mem (\d+)", Path("/proc/net/sockstat").read_text(), re.MULTILINE)
    assert found
    return 4.0 * int(found[1])


CASES = {
    "stalled while it runs": ("", False),
    "stalled in a replay": ("", True),
    "stalled after resume=true": ("?resume=true", True),
}


def main() -> None:
    print(conditions())
    print(f"{TOKENS} tokens at {RATE}/s; {STALLED} stalled readers, one that reads; {RUNS} runs")
    for name, (query, finished) in CASES.items():
        alone, crowded = (medians(count, query, finished=finished) for count in (0, STALLED))
        memory = (crowded.memory - alone.memory) / STALLED
        kernel = (crowded.kernel - alone.kernel) / STALLED
        print(f"{name}: {memory:.0f} KiB for each, and {kernel:.0f} KiB of the kernel's")
        if not finished:
            for lags, who in ((alone, "alone"), (crowded, "beside them")):
                print(f"  one that reads, {who}: p50 {lags.p50:.2f} ms, p99 {lags.p99:.2f} ms")


def medians(stalled: int, query: str, *, finished: bool) -> Figures:
    measured = partial(measure, stalled, query, finished=finished)
    return Figures(*map(median, zip(*(trio.run(measured) for _ in range(RUNS)), strict=True)))


if __name__ == "__main__":
    main()
