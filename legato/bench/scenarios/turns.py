"""Scenarios of a turn's two ends: from the question to the first word, from Stop to the last."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Final

from legato.bench.client import STOP, STREAM, BlockingClient
from legato.bench.conditions import percentile
from legato.bench.processes import cpu_seconds
from legato.bench.readers import Reader, Readers
from legato.bench.report import Figures, Scenario
from legato.bench.scenarios.steady import FIRST
from legato.bench.servers.served import (
    CHUNK,
    MEMORY,
    START,
    Served,
    asking,
    closings,
    legato,
    provided,
    start,
)
from legato.bench.tasks import Floor

_DELTA: Final = b'"on_message_delta"'
_PATIENCE: Final = 60.0  # seconds
_BEFORE: Final = 1.0  # second of measuring before the first stop
_BETWEEN: Final = 0.02  # seconds between two stops, for reading the streams of all other jobs

DATABASES: Final = {"memory": MEMORY, "SQLite": None}


def start_to_first(*, times: int = 300) -> Scenario:
    def measure() -> Figures:
        figures: dict[str, float] = {}
        for name, database in DATABASES.items():
            with legato(database) as served, served.connect() as asks, served.connect() as follows:
                turns = [first_event(asks, follows) for _ in range(times)]
            replied, came = zip(*turns, strict=True)
            figures[f"{name}: first event p50, ms"] = percentile(came, 0.5)
            figures[f"{name}: first event p99, ms"] = percentile(came, 0.99)
            figures[f"{name}: reply p50, ms"] = percentile(replied, 0.5)
        return figures

    return Scenario(
        f"{times} starts, one after the other, on kept connections: from the POST's sending to "
        "its reply, and to the first token at a reader that follows then",
        ours=measure,
    )


def first_event(asks: BlockingClient, follows: BlockingClient) -> tuple[float, float]:
    """Milliseconds to the reply and to the first token of a job with a single token."""
    body = json.dumps(asking(model_parameters={"tokens": 1, "rate": 0})).encode()
    begun = time.perf_counter()
    asks.send("POST", START, body)
    stream = asks.answer()["streamId"]
    replied = time.perf_counter()
    follows.send("GET", STREAM + stream)
    came = follows.received(_DELTA)
    done = time.perf_counter()
    follows.rest_of_stream(came)
    return 1000 * (replied - begun), 1000 * (done - begun)


def stop(*, jobs: int = 100, readers: int = 5, rate: float = 10.0) -> Scenario:
    def measure() -> Figures:
        task = Floor(frame=CHUNK, rate=rate, says_closed=True)
        with (
            provided(task) as (served, upstream),
            Readers(served.port, served.token, endings=True) as followers,
        ):
            targets = followed(served, followers, jobs, readers)
            before = _unstopped(served, followers)
            busy = Share(served.pid)
            with served.connect() as client:
                stops = [
                    stopped(client, followers, target, number * readers, readers)
                    for number, target in enumerate(targets)
                ]
            during = busy.figures("while they are stopped")
            return {**_stop_times(stops, closings(upstream, jobs)), **before, **during}

    return Scenario(
        f"{jobs} jobs of a provider's {rate:g} events/s, {readers} readers each; each is stopped "
        "in turn, the time from the POST's sending",
        ours=measure,
    )


def followed(served: Served, followers: Readers, jobs: int, readers: int) -> list[str]:
    """Start jobs of the provider; returns their targets once every reader has events."""
    with served.connect() as client:
        targets = [start(client, model="provided", text=f"job {number}") for number in range(jobs)]
    until = time.monotonic() + _PATIENCE
    followers.follow([target for target in targets for _ in range(readers)], until)
    followers.wait_for_events(FIRST, until)
    return targets


def _unstopped(served: Served, followers: Readers) -> Figures:
    """The server's lag and load before any stop, because a late server also stops late."""
    followers.lags.counts.clear()
    busy = Share(served.pid)
    followers.read_until(time.monotonic() + _BEFORE)
    late = followers.lags.percentile(0.99)
    return {"before: lag p99, ms": late, **busy.figures("before")}


class Share:
    """The processor time of the server and of this process since the object was made."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._begun = time.monotonic(), cpu_seconds(pid), time.process_time()

    def figures(self, when: str) -> Figures:
        begun, cpu, own = self._begun
        seconds = time.monotonic() - begun
        return {
            f"{when}: server's CPU, cores": (cpu_seconds(self._pid) - cpu) / seconds,
            f"{when}: generator's CPU, cores": (time.process_time() - own) / seconds,
        }


def _stop_times(stops: Sequence[tuple[int, int]], closed: Mapping[int, int]) -> Figures:
    ended = [(end - sent) / 1e6 for sent, end in stops]
    shut = [(closed[number] - sent) / 1e6 for number, (sent, _) in enumerate(stops)]
    return {
        "every reader has the ending: p50, ms": percentile(ended, 0.5),
        "every reader has the ending: p99, ms": percentile(ended, 0.99),
        "the provider is disconnected: p50, ms": percentile(shut, 0.5),
        "the provider is disconnected: p99, ms": percentile(shut, 0.99),
    }


def stopped(
    client: BlockingClient, followers: Readers, target: str, first: int, count: int
) -> tuple[int, int]:
    """The times (monotonic ns) of sending the stop, and of the ending at the job's last reader."""
    body = json.dumps({"streamId": target.removeprefix(STREAM)}).encode()
    readers = followers.all[first : first + count]
    sent = time.monotonic_ns()
    client.send("POST", STOP, body)
    _read_to_endings(followers, readers)
    client.answer()
    followers.read_until(time.monotonic() + _BETWEEN)
    return sent, max(reader.ended for reader in readers)


def _read_to_endings(followers: Readers, readers: list[Reader]) -> None:
    until = time.monotonic() + _PATIENCE
    while not all(reader.ended for reader in readers):
        followers.check(until, "a stopped job's readers had no ending in time")
        followers.read(0.01)
