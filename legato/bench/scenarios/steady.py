"""Scenarios of a steady state: jobs that speak at a pace, following readers, and a window."""

from collections.abc import Sequence

from msgspec import Struct

from legato.bench import BenchError
from legato.bench.counting import EVENT, Lags
from legato.bench.processes import hear, running, tell
from legato.bench.report import Figures, Scenario
from legato.bench.servers.served import FRAME, MEMORY, Served, floor_targets, legato
from legato.bench.servers.served import floor as floor_server
from legato.bench.tasks import Floor, Load, Window

FIRST = 3  # events of a job up to the first token: created, the step, the token


class Steady(Struct, frozen=True, kw_only=True):
    """`jobs` jobs of `rate` events/s with `readers` readers each.  Times in seconds."""

    jobs: int = 1
    readers: int = 1
    rate: float = 50.0
    warm_up: float = 1.5
    window: float = 6.0
    database: str | None = MEMORY

    @property
    def asked(self) -> float:
        """Events/s that should be delivered."""
        return self.jobs * self.readers * self.rate

    @property
    def delay(self) -> float:
        """Seconds until a job speaks: about as long as starting all jobs and connecting all readers
        takes."""
        return 0.3 + 0.004 * self.jobs + 0.002 * self.jobs * self.readers

    def ours(self) -> Window:
        with legato(self.database) as served:
            return self.on(served)

    def on(self, served: Served) -> Window:
        """Measure a window on a server without jobs, which speaks on after the window."""
        targets = served.start(self.jobs, rate=self.rate, delay=self.delay)
        return self._load(served, targets, FIRST)

    def floor(self) -> Window:
        # The floor speaks at once; a reader counts as connected after the first event.
        with floor_server(Floor(frame=FRAME, rate=self.rate, delay=0.1)) as (served, _):
            return self._load(served, floor_targets(self.jobs), 1)

    def _load(self, served: Served, targets: Sequence[str], first: int) -> Window:
        everybody = [*targets] * self.readers
        return generate(served, everybody, first, warm_up=self.warm_up, window=self.window)

    def figures(self, window: Window) -> Figures:
        lags = Lags(window.lags)
        return {
            "events/s delivered": window.events / window.seconds,
            "server's CPU, s per million events": per_million(window),
            "server's CPU, cores": window.cpu / window.seconds,
            "lag p50, ms": lags.percentile(0.5),
            "lag p99, ms": lags.percentile(0.99),
            "generator's CPU, cores": window.own_cpu / window.seconds,
        }

    def scenario(self) -> Scenario:
        return Scenario(
            f"{self}, a window of {self.window:g} s",
            ours=lambda: self.figures(self.ours()),
            floor=lambda: self.figures(self.floor()),
        )

    def __str__(self) -> str:
        return f"{self.jobs} job(s) x {self.readers} reader(s) x {self.rate:g} events/s"


def generate(
    served: Served,
    targets: Sequence[str],
    first: int,
    *,
    warm_up: float,
    window: float,
    others: Sequence[int] = (),
    redis: int = 0,
    pattern: bytes = EVENT,
) -> Window:
    """Have a process follow `targets`, a reader for each; see Load.

    Raises:
        BenchError: if the load was not complete.
    """
    load = Load(
        port=served.port,
        token=served.token,
        targets=[*targets],
        pid=served.pid,
        first=first,
        warm_up=warm_up,
        window=window,
        others=[*others],
        redis=redis,
        pattern=pattern.decode(),
    )
    with running(("-m", "legato.bench.load.generator")) as process:
        tell(process, load)
        found = hear(process, Window)
    if found.problem:
        raise BenchError(f"the load was not complete: {found.problem}")
    return found


def per_million(window: Window) -> float:
    """Seconds of the server's processor time for a million events."""
    return 1e6 * window.cpu / window.events if window.events else 0.0


def fan_out(
    *, readers: int = 1000, rate: float = 50.0, warm_up: float = 1.5, window: float = 6.0
) -> Scenario:
    return Steady(readers=readers, rate=rate, warm_up=warm_up, window=window).scenario()


def jobs(
    *, jobs: int = 500, rate: float = 50.0, warm_up: float = 1.5, window: float = 6.0
) -> Scenario:
    return Steady(jobs=jobs, rate=rate, warm_up=warm_up, window=window).scenario()
