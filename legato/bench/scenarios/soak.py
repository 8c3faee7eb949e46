"""Scenario of a server under a steady mixed load: growth though nothing more is asked."""

import secrets
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Final

import httpx
import trio
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from legato.bench.load.mixed import MixedLoad
from legato.bench.processes import descriptors, resident, sockets
from legato.bench.report import Figures, Scenario
from legato.bench.servers.served import Served, legato
from legato.http.auth.tokens import sign

_DAY: Final = 86400.0
_LEAST_RETENTION: Final = 2.0  # seconds in which a reader comes back, also on a busy machine
_RETENTION: Final = 30.0  # seconds, in a long soak: kept answers soon reach their full number
_SAMPLES: Final = 900  # in total; a sample a second in a quarter of an hour
_LAST_REQUEST: Final = 60.0  # seconds for a request of the load; after more the server hangs
_LEFT: Final = 3.0  # seconds after the last retention until everything of the load is gone


class Sample(Struct, frozen=True):
    """The server at a moment: monotonic seconds, KiB, and `delays` by upper bounds (s)."""

    at: float
    resident: float
    descriptors: float
    sockets: float
    tasks: float
    delays: Mapping[float, float]


def soak(*, seconds: float = 900.0) -> Scenario:
    retention = min(_RETENTION, max(_LEAST_RETENTION, seconds / 10))

    def measure() -> Figures:
        secret = secrets.token_hex(32)
        given = {"LEGATO_JWT_SECRET": secret, "LEGATO_RETENTION": str(retention)}
        with legato(None, variables=given) as served:
            return trio.run(_measured, served, secret, seconds, retention)

    return Scenario(
        f"{seconds:g} s of answers read whole by readers that leave and come back, answers that "
        "are stopped, calls of the APIs, refused requests and connections that are closed, each "
        f"by a user who was never there before; on SQLite, with a retention of {retention:g} s; "
        "slopes over the second half",
        measure,
    )


async def _measured(served: Served, secret: str, seconds: float, retention: float) -> Figures:
    def token(user: str) -> str:
        return sign(user, secret, now=time.time(), ttl=_DAY)

    # opens everything that is opened only once
    await _under_load(MixedLoad(served, token), served, retention)
    before = await _when_it_is_gone(served, retention)
    load = MixedLoad(served, token)
    samples = await _under_load(load, served, seconds)
    after = await _when_it_is_gone(served, retention)
    return {**_figures(samples, seconds), **_left(before, after), **_counts(load)}


async def _under_load(load: MixedLoad, served: Served, seconds: float) -> Sequence[Sample]:
    samples: list[Sample] = []
    until = trio.current_time() + seconds
    with trio.fail_after(seconds + _LAST_REQUEST):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(load.run, seconds)
            while trio.current_time() < until:
                await trio.sleep(seconds / _SAMPLES)
                samples.append(await _sample(served))
    return samples


async def _when_it_is_gone(served: Served, retention: float) -> Sample:
    await trio.sleep(retention + _LEFT)
    return await _sample(served)


async def _sample(served: Served) -> Sample:
    # Count before the look at the metrics, which takes a connection of its own.
    held = descriptors(served.pid), sockets(served.pid)
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(served.url("/metrics"))).text
    found = {family.name: family.samples for family in text_string_to_metric_families(text)}
    buckets = found["legato_loop_delay_seconds"]
    return Sample(
        at=time.monotonic(),
        resident=resident(served.pid),
        descriptors=held[0],
        sockets=held[1],
        tasks=found["legato_tasks"][0].value,
        delays={float(each.labels["le"]): each.value for each in buckets if "le" in each.labels},
    )


def _figures(samples: Sequence[Sample], seconds: float) -> Figures:
    half = samples[len(samples) // 2 :]
    minute = max(2, round(len(samples) * min(60.0, seconds / 4) / seconds))
    return {
        "resident memory at half time, KiB": half[0].resident,
        "resident memory at the end, KiB": half[-1].resident,
        "resident memory's slope, KiB a minute": slope(half, [each.resident for each in half]),
        "descriptors' slope, a minute": slope(half, [each.descriptors for each in half]),
        "tasks' slope, a minute": slope(half, [each.tasks for each in half]),
        "loop's delay p99 in the first minute, ms": delay_p99(samples[0], samples[minute - 1]),
        "loop's delay p99 in the last minute, ms": delay_p99(samples[-minute], samples[-1]),
    }


def _left(before: Sample, after: Sample) -> Figures:
    return {
        "sockets that the load left": after.sockets - before.sockets,
        "tasks that the load left": after.tasks - before.tasks,
    }


def _counts(load: MixedLoad) -> Figures:
    readers, exact = load.counts["readers"], load.counts["readers exact"]
    whole = {"readers that were exact, %": 100 * exact / readers if readers else 0.0}
    return {**whole, **{name: float(number) for name, number in sorted(load.counts.items())}}


def slope(samples: Sequence[Sample], values: Sequence[float]) -> float:
    """The growth of the values in a minute, by the line of best fit."""
    return 60 * statistics.linear_regression([each.at for each in samples], values).slope


def delay_p99(begun: Sample, ended: Sample) -> float:
    """Milliseconds that 99 % of the loop's delays between two samples did not exceed.

    A delay is only known to be between two bounds; the upper bound counts.
    """
    counts = {bound: ended.delays[bound] - begun.delays[bound] for bound in sorted(ended.delays)}
    all_of_them = counts[max(counts)]
    return 1000 * next(bound for bound, number in counts.items() if number >= 0.99 * all_of_them)
