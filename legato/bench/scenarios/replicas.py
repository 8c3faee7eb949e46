"""Scenarios of two replicas on a Redis: jobs run at the first, readers follow at the second."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import Final

from legato.bench.conditions import percentile
from legato.bench.counting import Lags
from legato.bench.readers import Readers
from legato.bench.report import Figures, Scenario
from legato.bench.scenarios.coming_back import RESUME, stormed
from legato.bench.scenarios.ladders import THRESHOLD, Ladder, Threshold, climb
from legato.bench.scenarios.steady import FIRST, Steady, generate, per_million
from legato.bench.scenarios.turns import stopped
from legato.bench.servers.served import CHUNK, PROVIDED, Served, legato, start
from legato.bench.servers.served import floor as floor_server
from legato.bench.servers.valkey import MeasuredValkey, valkey
from legato.bench.tasks import Floor, Window

_JOBS: Final = (500, 650, 800, 950, 1100, 1300, 1600, 2000)
_DELTA: Final = b'"on_message_delta"'
_FAST: Final = 5000.0  # chunks/s of a provider with a long answer
_PATIENCE: Final = 60.0  # seconds


@contextmanager
def two_replicas(*, settings: str = "") -> Iterator[tuple[Served, Served, MeasuredValkey]]:
    """The replica for jobs, the replica for readers, and the shared Redis."""
    with valkey() as shared:
        variables = {"LEGATO_REDIS_URL": shared.url, "LEGATO_JWT_SECRET": token_hex(32)}
        with (
            legato(settings=settings, variables=variables) as owner,
            legato(settings=settings, variables=variables) as other,
        ):
            yield owner, other, shared


def through(steady: Steady) -> Window:
    """Jobs at the first replica, all readers at the second."""
    with two_replicas() as (owner, other, shared):
        targets = owner.start(steady.jobs, rate=steady.rate, delay=steady.delay)
        everybody = [*targets] * steady.readers
        return generate(
            other,
            everybody,
            FIRST,
            warm_up=steady.warm_up,
            window=steady.window,
            others=[owner.pid, shared.pid],
            redis=shared.port,
        )


def replicas(
    *, jobs: int = 100, rate: float = 50.0, warm_up: float = 1.5, window: float = 6.0
) -> Scenario:
    steady = Steady(jobs=jobs, rate=rate, warm_up=warm_up, window=window)

    def measure() -> Figures:
        seen = through(steady)
        lags, (owner, redis) = Lags(seen.lags), seen.others
        return {
            "events/s delivered": seen.events / seen.seconds,
            "emit to reader p50, ms": lags.percentile(0.5),
            "emit to reader p99, ms": lags.percentile(0.99),
            "Redis commands a token": seen.commands / max(1, seen.events),
            "bytes into Redis a token": seen.redis_bytes / max(1, seen.events),
            "owner's CPU, cores": owner / seen.seconds,
            "the other's CPU, cores": seen.cpu / seen.seconds,
            "Redis's CPU, cores": redis / seen.seconds,
            "the other's CPU, s per million events": per_million(seen),
            "generator's CPU, cores": seen.own_cpu / seen.seconds,
        }

    return Scenario(
        f"{steady}, all readers at the other replica; a window of {window:g} s", measure
    )


def replicas_through() -> Scenario:
    """More jobs than the second replica could serve if a token cost as much there as at the
    owner."""
    return replicas(jobs=500)


def replicas_jobs(
    counts: Sequence[int] = (500, 650, 800, 950, 1100, 1300, 1600, 2000),
    *,
    rate: float = 50.0,
    warm_up: float = 1.5,
    window: float = 3.0,
    threshold: Threshold = THRESHOLD,
) -> Scenario:
    rungs = [Steady(jobs=count, rate=rate, warm_up=warm_up, window=window) for count in counts]

    def attempt(steady: Steady) -> Window:
        with two_replicas() as (owner, _, _):
            targets = owner.start(steady.jobs, rate=rate, delay=steady.delay)
            return generate(owner, targets, FIRST, warm_up=warm_up, window=window)

    def measure() -> Figures:
        ladder = Ladder(attempt, threshold)
        climb(rungs, ladder.passes)
        top = ladder.top()
        return {"most jobs": top.step.jobs, **top.step.figures(top.window)}

    words = ", ".join(map(str, counts[:3]))
    return Scenario(f"{words}, … jobs with a reader each at the same replica, Redis on", measure)


def replicas_storm(*, events: int = 10_000, readers: int = 200, storms: int = 5) -> Scenario:
    def measure() -> Figures:
        task = Floor(frame=CHUNK, rate=_FAST, events=events)
        with (
            floor_server(task) as (upstream, _),
            two_replicas(settings=PROVIDED.format(port=upstream.port)) as (owner, other, _),
        ):
            with owner.connect() as client:
                target = start(client, model="provided", text="job 0")
            with Readers(owner.port, owner.token, pattern=_DELTA) as first:
                until = time.monotonic() + _PATIENCE + events / _FAST
                first.follow([target], until)
                first.wait_for_events(events, until)
            return stormed(other, target + RESUME, readers, storms)

    return Scenario(
        f"{readers} readers resume one running job of {events} events at once, at the replica "
        f"that does not run it and at first knows nothing of it; {storms} storms",
        measure,
    )


def replicas_stop(*, jobs: int = 100, readers: int = 5, rate: float = 10.0) -> Scenario:
    def measure() -> Figures:
        with (
            two_replicas() as (owner, other, _),
            Readers(other.port, other.token, endings=True) as followers,
            other.connect() as client,
        ):
            targets = owner.start(jobs, rate=rate)
            until = time.monotonic() + _PATIENCE
            followers.follow([target for target in targets for _ in range(readers)], until)
            followers.wait_for_events(FIRST, until)
            stops = [
                stopped(client, followers, target, number * readers, readers)
                for number, target in enumerate(targets)
            ]
        ended = [(end - sent) / 1e6 for sent, end in stops]
        return {
            "every reader has the ending: p50, ms": percentile(ended, 0.5),
            "every reader has the ending: p99, ms": percentile(ended, 0.99),
        }

    return Scenario(
        f"{jobs} jobs of {rate:g} events/s, {readers} readers each at the other replica; each is "
        "stopped there in turn, the time from the POST's sending",
        measure,
    )
