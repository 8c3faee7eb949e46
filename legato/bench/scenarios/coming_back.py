"""Scenarios of readers coming back to a long answer: in turn, and all at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from legato.bench.client import BlockingClient
from legato.bench.conditions import median, percentile
from legato.bench.counting import FRAME_END
from legato.bench.readers import Readers
from legato.bench.report import Figures, Scenario
from legato.bench.servers.served import CHUNK, Served, floor_targets, legato, provided, start
from legato.bench.servers.served import floor as floor_server
from legato.bench.tasks import Floor

RESUME: Final = "?resume=true"

_DELTA: Final = b'"on_message_delta"'
_FAST: Final = 5000.0  # chunks/s, slow enough for any provider's reader
_PATIENCE: Final = 60.0  # seconds


@contextmanager
def finished_job(events: int) -> Iterator[tuple[Served, str]]:
    """A job that has said `events` tokens, and ended."""
    with legato() as served, served.connect() as client:
        (target,) = served.start(tokens=events, rate=0)
        client.send("GET", target)
        client.rest_of_stream(b"")
        yield served, target


@contextmanager
def quiet_job(events: int) -> Iterator[tuple[Served, str]]:
    """A job that has said `events` tokens, and runs on in silence."""
    task = Floor(frame=CHUNK, rate=_FAST, events=events)
    with provided(task) as (served, _), served.connect() as client:
        target = start(client, model="provided", text="job 0")
        with Readers(served.port, served.token, pattern=_DELTA) as readers:
            until = time.monotonic() + _PATIENCE + events / _FAST
            readers.follow([target], until)
            readers.wait_for_events(events, until)
        yield served, target


class Times:
    """The time of each request, and the size of the last answer in bytes."""

    def __init__(self) -> None:
        self.all: list[float] = []
        self.size = 0

    def resume(self, client: BlockingClient, target: str) -> bytes:
        """Ask for the state of now; returns the bytes up to the end of the state's frame."""
        begun = time.perf_counter()
        client.send("GET", target + RESUME)
        came = client.received(FRAME_END)
        self.all.append(1000 * (time.perf_counter() - begun))
        self.size = came.find(FRAME_END) + len(FRAME_END) - came.find(b"event: ")
        return came

    def replay(self, client: BlockingClient, target: str) -> None:
        begun = time.perf_counter()
        client.send("GET", target)
        came = client.rest_of_stream(b"")
        self.all.append(1000 * (time.perf_counter() - begun))
        self.size = len(came) - came.find(b"event: ")

    def figures(self, name: str) -> Figures:
        return {
            f"{name}: p50, ms": percentile(self.all, 0.5),
            f"{name}: p99, ms": percentile(self.all, 0.99),
            f"{name}: bytes": self.size,
        }


def resume(*, events: int = 10_000, times: int = 200) -> Scenario:
    def measure() -> Figures:
        finished, running, replay = Times(), Times(), Times()
        with finished_job(events) as (served, target), served.connect() as client:
            for _ in range(times):
                client.rest_of_stream(finished.resume(client, target))
            for _ in range(times):
                replay.replay(client, target)
        with quiet_job(events) as (served, target):
            for _ in range(times):
                with served.connect() as client:
                    running.resume(client, target)
        return {
            **finished.figures("resume of a finished job"),
            **running.figures("resume of a running job"),
            **replay.figures("replay of the finished job"),
        }

    return Scenario(
        f"a job of {events} events, {times} requests, one after the other: from the request's "
        "sending to the sync frame's last byte, and to the replay's (on a kept connection; on a "
        "new one, already there, where the job runs)",
        ours=measure,
    )


def storm(*, events: int = 10_000, readers: int = 200, storms: int = 5) -> Scenario:
    size = 0  # of the sync frame, for the floor to answer with as many bytes

    def ours() -> Figures:
        nonlocal size
        with quiet_job(events) as (served, target):
            with served.connect() as client:
                times = Times()
                times.resume(client, target)
                size = times.size
            return stormed(served, target + RESUME, readers, storms)

    def floor() -> Figures:
        with floor_server(Floor(body=size)) as (served, _):
            return stormed(served, floor_targets(1)[0], readers, storms)

    return Scenario(
        f"{readers} readers resume one running job of {events} events at once; {storms} storms",
        ours=ours,
        floor=floor,
    )


def stormed(served: Served, target: str, readers: int, storms: int) -> Figures:
    took = [_storm(served, target, readers) for _ in range(storms)]
    return {
        "until the last has its sync frame, ms": median(took),
        "the worst storm, ms": max(took),
    }


def _storm(served: Served, target: str, count: int) -> float:
    """Milliseconds from the first's connecting to the last's whole frame."""
    with Readers(served.port, served.token, pattern=FRAME_END) as readers:
        begun = time.perf_counter()
        for connected in [readers.connect() for _ in range(count)]:
            readers.ask(connected, target)
        readers.wait_for_events(1, time.monotonic() + _PATIENCE)
        return 1000 * (time.perf_counter() - begun)
