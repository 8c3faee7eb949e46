"""Scenarios that look for a limit: more and more load, until the readers are behind."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Generic, Protocol, TypeVar

from legato.bench import BenchError
from legato.bench.counting import Lags
from legato.bench.processes import most_files
from legato.bench.report import Figures, Scenario
from legato.bench.scenarios.steady import Steady, per_million
from legato.bench.tasks import Window

_STEP: Final = 1.25
_STRIDE: Final = 3  # steps in a stride, until the limit is passed
_FEW: Final = 500  # readers
_JOBS: Final = (500, 750, 1000, 1300, 1600, 2000, 2400, 3000, 3700, 4600, 5700, 7000, 8500)
_SPARE_FILES: Final = 200  # open files of a process beside connections

T = TypeVar("T")


class TriedLoad(Protocol):
    """The load that a ladder raises, in words for people."""

    @property
    def asked(self) -> float:
        """Events/s that should be delivered."""
        ...


S = TypeVar("S", bound=TriedLoad)

Attempt = Callable[[Steady], Window]
"""`Steady.ours` or `Steady.floor`."""


@dataclass(frozen=True)
class Threshold:
    """When a server counts as having kept up with a step of a ladder."""

    late: float = 250.0  # ms, the most lag p99: what people begin to see
    # The least share of the events asked for: less is falling behind, even before the lag shows.
    delivered: float = 0.95

    def is_met(self, lags: Lags, delivered: float) -> bool:
        return lags.percentile(0.99) <= self.late and delivered >= self.delivered

    def __str__(self) -> str:
        return f"lag p99 passes {self.late:g} ms or less than {self.delivered:.0%} is delivered"


THRESHOLD: Final = Threshold()


@dataclass(frozen=True)
class Rung(Generic[S]):
    """A step of a ladder with the measured window."""

    step: S
    window: Window


def climb(rungs: Iterable[T], passes: Callable[[T], bool]) -> T | None:
    """The last rung before the first that does not pass; no later rung is tried."""
    reached = deque(takewhile(passes, rungs), maxlen=1)
    return reached[0] if reached else None


def geometric(start: float, factor: float, count: int) -> Iterator[float]:
    return (start * factor**step for step in range(count))


def highest_rate(start: float, passes: Callable[[float], bool]) -> float | None:
    """Climb in strides, then in steps from the last rate that passed; at most 1,000,000/s."""
    strides = geometric(start, _STEP**_STRIDE, 20)
    reached = climb(takewhile(lambda rate: rate <= 1e6, strides), passes)
    if reached is None:
        return None
    steps = geometric(reached * _STEP, _STEP, _STRIDE - 1)
    return climb(takewhile(lambda rate: rate <= 1e6, steps), passes) or reached


class Ladder(Generic[S]):
    """Remembers the best rung."""

    def __init__(self, attempt: Callable[[S], Window], threshold: Threshold = THRESHOLD) -> None:
        self.best: Rung[S] | None = None
        self._attempt = attempt
        self._threshold = threshold

    def passes(self, step: S) -> bool:
        try:
            window = self._attempt(step)
        except BenchError as error:
            print(f"  {step}: {error}", file=sys.stderr)
            return False
        lags = Lags(window.lags)
        share = window.events / window.seconds / step.asked
        late = lags.percentile(0.99)
        print(f"  {step}: {share:.0%} delivered, p99 {late:.1f} ms", file=sys.stderr)
        if not self._threshold.is_met(lags, share):
            return False
        self.best = Rung(step, window)
        return True

    def top(self) -> Rung[S]:
        if self.best is None:
            raise BenchError("not even the lowest step of the ladder was kept up with")
        return self.best


def saturation(
    *,
    readers: int = 100,
    jobs: int = 200,
    rates: tuple[float, float] = (250.0, 100.0),
    warm_up: float = 0.75,
    window: float = 3.0,
) -> Scenario:
    """`rates`: events/s of a job at which the two ladders begin."""
    cases = {
        f"1 x {readers}": (Steady(readers=readers, warm_up=warm_up, window=window), rates[0]),
        f"{jobs} x 1": (Steady(jobs=jobs, warm_up=warm_up, window=window), rates[1]),
    }

    def measure(attempt: Attempt) -> Figures:
        figures: dict[str, float] = {}
        for name, (steady, start) in cases.items():
            figures |= _saturated(name, steady, start, attempt)
        return figures

    return Scenario(
        f"{' and '.join(cases)} (jobs x readers), the rate raised by {_STEP:g} until {THRESHOLD}; "
        f"windows of {window:g} s",
        ours=lambda: measure(Steady.ours),
        floor=lambda: measure(Steady.floor),
    )


def _saturated(name: str, steady: Steady, start: float, attempt: Attempt) -> Figures:
    ladder = Ladder(attempt)
    highest_rate(start, lambda rate: ladder.passes(_with(steady, rate=rate)))
    return {f"{name}: {figure}": value for figure, value in _at_the_top(ladder.top()).items()}


def _at_the_top(rung: Rung[Steady]) -> Figures:
    window = rung.window
    return {
        "most events/s": window.events / window.seconds,
        "lag p99 there, ms": Lags(window.lags).percentile(0.99),
        "server's CPU, s per million": per_million(window),
        "generator's CPU, cores": window.own_cpu / window.seconds,
    }


def _with(steady: Steady, *, rate: float) -> Steady:
    return Steady(
        jobs=steady.jobs,
        readers=steady.readers,
        rate=rate,
        warm_up=steady.warm_up,
        window=steady.window,
    )


def readers(
    counts: Sequence[int] = (),
    *,
    rate: float = 50.0,
    warm_up: float = 1.5,
    window: float = 3.0,
    threshold: Threshold = THRESHOLD,
) -> Scenario:
    """Without `counts`: by `_FEW` more each time, as far as there are files for their sockets."""
    counts = counts or range(2 * _FEW, max(2 * _FEW + 1, most_files() - _SPARE_FILES), _FEW)
    rungs = [Steady(readers=count, rate=rate, warm_up=warm_up, window=window) for count in counts]
    return _counted(rungs, threshold, "readers", "readers of one job")


def many_jobs(
    counts: Sequence[int] = _JOBS,
    *,
    rate: float = 50.0,
    warm_up: float = 1.5,
    window: float = 3.0,
    threshold: Threshold = THRESHOLD,
) -> Scenario:
    rungs = [Steady(jobs=count, rate=rate, warm_up=warm_up, window=window) for count in counts]
    return _counted(rungs, threshold, "jobs", "jobs with a reader each")


def _counted(rungs: Sequence[Steady], threshold: Threshold, what: str, words: str) -> Scenario:
    def measure(attempt: Attempt) -> Figures:
        ladder = Ladder(attempt, threshold)
        climb(rungs, ladder.passes)
        top = ladder.top()
        count = top.step.jobs * top.step.readers
        return {f"most {what}": count, **top.step.figures(top.window)}

    counts = ", ".join(str(rung.jobs * rung.readers) for rung in rungs[:3])
    return Scenario(
        f"{counts}, … {words} of {rungs[0].rate:g} events/s, until {threshold}; "
        f"windows of {rungs[0].window:g} s",
        ours=lambda: measure(Steady.ours),
        floor=lambda: measure(Steady.floor),
    )
