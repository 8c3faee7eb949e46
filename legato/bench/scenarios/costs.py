"""Scenarios of costs: memory by reader and by answer, and good readers beside hostile clients."""

from legato.bench.counting import Lags
from legato.bench.processes import hear, resident, running, tell
from legato.bench.report import Figures, Scenario
from legato.bench.scenarios.beside import waits
from legato.bench.scenarios.steady import FIRST, generate
from legato.bench.servers.served import Served, legato
from legato.bench.tasks import Harm, HostilesConnected, Window

_KINDS = 4  # of hostile connections


def memory(
    *, readers: int = 500, jobs: int = 40, warm_up: int = 10, events: int = 10_000
) -> Scenario:
    """`warm_up`: the number of readers, and of jobs, before the counting begins."""

    def measure() -> Figures:
        return {
            "an idle reader, KiB": _idle_reader(readers, warm_up),
            f"a finished job of {events} events, KiB": _finished_job(jobs, warm_up, events),
        }

    return Scenario(
        f"the growth of the server's resident memory by {readers} readers of a quiet job, and by "
        f"{jobs} jobs of {events} events, each read to its end; after {warm_up} of each",
        ours=measure,
    )


def _idle_reader(readers: int, warm_up: int) -> float:
    with legato() as served:
        (target,) = served.start(delay=3600)
        few = generate(served, [target] * warm_up, 1, warm_up=0.2, window=0.2)
        many = generate(served, [target] * (warm_up + readers), 1, warm_up=0.5, window=0.2)
        return (many.rss - few.rss) / readers


def _finished_job(jobs: int, warm_up: int, events: int) -> float:
    with legato() as served:
        _finish(served, warm_up, events)
        before = resident(served.pid)
        _finish(served, jobs, events)
        return (resident(served.pid) - before) / jobs


def _finish(served: Served, jobs: int, events: int) -> None:
    with served.connect() as client:
        for _ in range(jobs):
            (target,) = served.start(tokens=events, rate=0)
            client.send("GET", target)
            client.rest_of_stream(b"")


def hostile(
    *,
    readers: int = 100,
    hostiles: int = 1000,
    rate: float = 50.0,
    warm_up: float = 1.5,
    window: float = 6.0,
    kind_window: float = 3.0,
) -> Scenario:
    def good(served: Served, target: str) -> Window:
        return generate(served, [target] * readers, FIRST, warm_up=warm_up, window=window)

    def measure() -> Figures:
        with legato() as served:
            (target,) = served.start(rate=rate)
            quiet = good(served, target)
            harm = Harm(
                port=served.port, token=served.token, target=target, each=hostiles // _KINDS
            )
            with running(("-m", "legato.bench.load.hostile")) as process:
                tell(process, harm)
                connections = hear(process, HostilesConnected).connections
                beside = good(served, target)
        return {**_compared(quiet, beside, connections), **waits(seconds=kind_window)}

    return Scenario(
        f"{readers} readers of a job of {rate:g} events/s, alone and beside {hostiles} hostile "
        "connections, a quarter each: never reads; reads a byte a second; sends half a request "
        f"and stays; follows, resets and comes again, 50 times a second; windows of {window:g} s; "
        f"then one small request after another, {kind_window:g} s beside one client of each kind",
        ours=measure,
    )


def _compared(quiet: Window, beside: Window, connections: int) -> Figures:
    alone, harmed = (Lags(window.lags).percentile(0.99) for window in (quiet, beside))
    return {
        "lag p99 alone, ms": alone,
        "lag p99 beside them, ms": harmed,
        "beside them / alone": harmed / alone if alone else 0.0,
        "events/s alone": quiet.events / quiet.seconds,
        "events/s beside them": beside.events / beside.seconds,
        "server's CPU beside them, cores": beside.cpu / beside.seconds,
        "memory for a hostile connection, KiB": (beside.rss - quiet.rss) / max(1, connections),
        "generator's CPU, cores": beside.own_cpu / beside.seconds,
    }
