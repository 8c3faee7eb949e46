"""Scenario of a rolling restart: long answers, readers, and replicas that are replaced."""

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final

import trio

from legato.bench.load.following import Follower, client_of_many, script, started
from legato.bench.report import Figures, Scenario
from legato.bench.servers.served import Served, process_of
from legato.bench.servers.valkey import valkey

_ENDED: Final = 60.0  # seconds for a replica to end
_SETTLED: Final = 60.0  # seconds for all answers to end, beyond their length


class RollingReplicas:
    """Processes on a common Redis and database, replaced in turn."""

    def __init__(self, redis: str, folder: str, drain: float) -> None:
        self.serving: list[Served] = []
        self._variables = {
            "LEGATO_REDIS_URL": redis,
            "LEGATO_JWT_SECRET": token_hex(32),
            "LEGATO_ON_OWNER_LOST": "continue",
            "LEGATO_DRAIN_TIMEOUT": str(drain),
        }
        self._database = f"sqlite:///{Path(folder) / 'legato.db'}"
        self._stack = ExitStack()
        self._processes: dict[Served, subprocess.Popen[bytes]] = {}

    def close(self) -> None:
        self._stack.close()

    def add(self) -> None:
        begun = process_of(self._database, variables=self._variables)
        served, process = self._stack.enter_context(begun)
        self._processes[served] = process
        self.serving.append(served)

    def replace(self) -> float:
        """Stop the oldest process, then start a new one; returns the seconds until the old process
        was gone."""
        oldest = self.serving.pop(0)
        process, begun = self._processes[oldest], time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(_ENDED)
        took = time.monotonic() - begun
        self.add()
        return took


def rolling_restart(
    *,
    replicas: int = 3,
    readers: int = 40,
    seconds: float = 60.0,
    rate: float = 10.0,
    drain: float = 10.0,
) -> Scenario:
    def measure() -> Figures:
        with _replicas(replicas, drain) as cluster:
            tokens = round(seconds * rate)
            followers, took = trio.run(_restart_under, cluster, replicas, readers, tokens, rate)
        whole = script(tokens)
        return {
            "answers that are whole, %": _percent([each.is_whole(whole) for each in followers]),
            "events missed": sum(each.missed for each in followers),
            "events that came twice": sum(each.doubled for each in followers),
            "connections cut": sum(each.times_cut for each in followers),
            "a reader's longest pause, s": max(each.longest_pause for each in followers),
            "a replica's longest end, s": max(took),
        }

    return Scenario(
        f"{replicas} replicas, each replaced in turn (SIGTERM, a drain_timeout of {drain:g} s), "
        f"under {readers} answers of {seconds:g} s and {rate:g} tokens/s, a reader each; "
        'on_owner_lost = "continue"',
        measure,
    )


@contextmanager
def _replicas(count: int, drain: float) -> Iterator[RollingReplicas]:
    with valkey() as shared, tempfile.TemporaryDirectory() as folder:
        replicas = RollingReplicas(shared.url, folder, drain)
        try:
            for _ in range(count):
                replicas.add()
            yield replicas
        finally:
            replicas.close()


async def _restart_under(
    replicas: RollingReplicas, count: int, readers: int, tokens: int, rate: float
) -> tuple[Sequence[Follower], Sequence[float]]:
    followers: list[Follower] = []
    async with client_of_many() as client, trio.open_nursery() as nursery:
        for number in range(readers):
            served = replicas.serving[number % count]
            stream = await started(client, served, tokens=tokens, rate=rate)
            followers.append(follower := Follower(stream, number=number))
            nursery.start_soon(follower.run, client, replicas.serving)
        took = [await trio.to_thread.run_sync(replicas.replace) for _ in range(count)]
        nursery.cancel_scope.deadline = trio.current_time() + tokens / rate + _SETTLED
    return followers, took


def _percent(those: Sequence[bool]) -> float:
    return 100 * sum(those) / len(those)
