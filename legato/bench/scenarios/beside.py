"""Waits of good clients beside a hostile client, kind by kind; descriptors of closed
connections."""

import time
from typing import Final

from legato.bench.client import BlockingClient, request
from legato.bench.load.attacks import ATTACKS
from legato.bench.processes import descriptors, hear, running, tell
from legato.bench.report import Figures
from legato.bench.servers.served import Served, legato
from legato.bench.tasks import Attack, HostilesConnected

CLOSED: Final = 1000  # connections
_SETTLED: Final = 1.0  # seconds until descriptors are counted


def waits(*, seconds: float) -> Figures:
    """The longest wait for a small answer, alone and beside a client of each kind."""
    with legato(variables={"LEGATO_HTTP2": "true"}) as served:
        figures: dict[str, float] = {"longest wait alone, ms": _longest_wait(served, seconds)}
        for kind in ATTACKS:
            with running(("-m", "legato.bench.load.attacks")) as process:
                tell(process, Attack(port=served.port, token=served.token, kind=kind))
                hear(process, HostilesConnected)
                figures[f"… beside {kind}"] = _longest_wait(served, seconds)
        return {**figures, **_held(served)}


def _longest_wait(served: Served, seconds: float) -> float:
    until = time.monotonic() + seconds
    longest = 0.0
    with served.connect() as client:
        while (begun := time.monotonic()) < until:
            _ask(client)
            longest = max(longest, time.monotonic() - begun)
            time.sleep(0.001)  # without a pause we would take a whole processor
    return 1000 * longest


def _ask(client: BlockingClient) -> None:
    client.send("GET", "/healthz")
    client.answer()


def _held(served: Served) -> Figures:
    before = descriptors(served.pid)
    for number in range(CLOSED):
        with served.connect() as client:
            if number % 3 == 1:
                _ask(client)
            elif number % 3 == 2:
                client.send_bytes(request("GET", "/healthz", served.token)[:20])
    time.sleep(_SETTLED)
    held = max(0, descriptors(served.pid) - before)
    return {f"descriptors held by {CLOSED} closed connections": held}
