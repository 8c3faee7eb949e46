"""Scenario of the way every user takes: a model server over HTTP in front, one reader behind."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec import Struct

from legato.bench import BenchError
from legato.bench.counting import EVENT, Lags
from legato.bench.processes import hear, running, tell
from legato.bench.report import Figures, Scenario
from legato.bench.scenarios.ladders import THRESHOLD, Ladder, climb
from legato.bench.scenarios.steady import FIRST, generate, per_million
from legato.bench.servers.pipes import FETCH, pipe, pipes
from legato.bench.servers.served import PROVIDED, Served, floor_targets, legato, start
from legato.bench.tasks import Listening, ProviderPace, Window

LEGATO = "Legato"

_STAMPED = b'"ts='  # in each chunk, and in no other bytes of a pipe
_FEW = (20, 40, 500)
_LADDER = (50, 75, 100, 150, 200, 300, 400, 500, 600, 700, 850, 1000, 1250, 1500, 2000, 2500)


class Generations(Struct, frozen=True, kw_only=True):
    """So many generations of `rate` tokens/s, a reader each.  Times in seconds."""

    server: str
    generations: int
    rate: float = 50.0
    warm_up: float = 1.5
    window: float = 4.0

    @property
    def asked(self) -> float:
        """Tokens/s that should be delivered."""
        return self.generations * self.rate

    def measure(self) -> Window:
        return self._of_legato() if self.server == LEGATO else self._of_pipe()

    def _of_legato(self) -> Window:
        # Silent for about as long as it takes to start all of them and to connect their readers.
        with (
            provider(self.rate, delay=0.5 + 0.015 * self.generations) as (upstream, pid),
            legato(None, settings=PROVIDED.format(port=upstream)) as served,
        ):
            targets = started(served, self.generations)
            return self._load(served, targets, pid, first=FIRST, pattern=EVENT)

    def _of_pipe(self) -> Window:
        with (
            provider(self.rate, delay=0.1) as (upstream, pid),
            pipe(self.server, upstream) as served,
        ):
            targets = floor_targets(self.generations)
            return self._load(served, targets, pid, first=1, pattern=_STAMPED)

    def _load(
        self, served: Served, targets: Sequence[str], pid: int, *, first: int, pattern: bytes
    ) -> Window:
        return generate(
            served,
            targets,
            first,
            warm_up=self.warm_up,
            window=self.window,
            others=[pid],
            pattern=pattern,
        )

    def figures(self, window: Window) -> Figures:
        lags = Lags(window.lags)
        return {
            f"{self}: CPU, µs a token": per_million(window),
            f"{self}: lag p50, ms": lags.percentile(0.5),
            f"{self}: lag p99, ms": lags.percentile(0.99),
        }

    def __str__(self) -> str:
        return f"{self.server}, {self.generations}"


@contextmanager
def provider(rate: float, *, delay: float) -> Iterator[tuple[int, int]]:
    """The port and the process id of a provider that says chunks."""
    with running(("-m", "legato.bench.servers.provider")) as process:
        tell(process, ProviderPace(rate=rate, delay=delay))
        yield hear(process, Listening).port, process.pid


def started(served: Served, generations: int) -> list[str]:
    """The targets of so many generations of the model `provided`."""
    with served.connect() as client:
        return [
            start(client, model="provided", text=f"job {number}") for number in range(generations)
        ]


def upstream(
    *,
    few: Sequence[int] = _FEW,
    ladder: Sequence[int] = _LADDER,
    servers: Sequence[str] = (),
    warm_up: float = 1.5,
    window: float = 4.0,
) -> Scenario:
    """`few`: the numbers of generations at which a token's cost is measured."""
    names = servers or (LEGATO, *pipes())

    def of(server: str, generations: int) -> Generations:
        return Generations(server=server, generations=generations, warm_up=warm_up, window=window)

    def measure() -> Figures:
        figures: dict[str, float] = {}
        for count in few:  # the servers in turn, so that a noisy minute meets all of them
            for name in names:
                figures |= _figures(of(name, count))
            figures |= _times(figures, count)
        for name in names:
            figures[f"{name}: most generations"] = _most(of(name, count) for count in ladder)
        return figures

    return Scenario(
        f"OpenAI's chunks of 300 bytes over HTTP, 50 tokens/s a generation, a reader each, on "
        f"SQLite, with {', '.join(map(str, few))} generations; the most before {THRESHOLD}; "
        f"windows of {window:g} s",
        ours=measure,
    )


def _figures(generations: Generations) -> Figures:
    """None where there are more than it can take."""
    try:
        window = generations.measure()
    except BenchError:
        return {}
    own = {f"{generations}: generator's CPU, cores": window.own_cpu / window.seconds}
    provider_cpu = {f"{generations}: provider's CPU, cores": window.others[0] / window.seconds}
    return {**generations.figures(window), **own, **provider_cpu}


def _times(figures: Mapping[str, float], count: int) -> Figures:
    """Legato's processor time for a token, in times of that of a fetch that Node pipes."""
    name = f"{{}}, {count}: CPU, µs a token"
    ours, node = figures.get(name.format(LEGATO)), figures.get(name.format(FETCH))
    return {f"{LEGATO}, {count}: CPU, times {FETCH}'s": ours / node} if ours and node else {}


def _most(rungs: Iterator[Generations]) -> float:
    ladder = Ladder(Generations.measure)
    climb(rungs, ladder.passes)
    return ladder.best.step.generations if ladder.best else 0.0
