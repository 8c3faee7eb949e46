"""The cost of tools: the same words by bare models, and by agents after a tool call."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from legato.bench.conditions import median
from legato.bench.report import Figures, Scenario
from legato.bench.scenarios.steady import FIRST, Steady, generate, per_million
from legato.bench.servers.served import TOKENS, Served, legato, start
from legato.bench.tasks import Window

BARE: Final = "bare models"
AGENTS: Final = "agents"
CALLING: Final = "agents that call on"

SETTINGS: Final = """
[functions.now]
target = "legato.bench.servers.tools:now"

[agents.worker]
model = "scripted"
tools = ["now"]
"""

_DELAY: Final = 0.05
"""Seconds before each model call speaks: a longer silence would let the server idle."""

_MOST_CALLS: Final = 20  # below the default of `recursion_limit`


class ManyRuns(Struct, frozen=True, kw_only=True):
    """The load of `steady`.  All agents call a tool before the window; some go on calling the
    tool after each `between` tokens."""

    steady: Steady
    between: int

    def measure(self, kind: str) -> Window:
        with legato(self.steady.database, settings=SETTINGS) as served:
            targets = [*self._started(served, kind)]
            warm_up, window = self.steady.warm_up, self.steady.window
            return generate(served, targets, FIRST, warm_up=warm_up, window=window)

    def _started(self, served: Served, kind: str) -> Iterator[str]:
        pace = {"stamp": True, "rate": self.steady.rate, "delay": _DELAY}
        asked: dict[str, object] = {"model_parameters": {**pace, "tokens": TOKENS}}
        if kind != BARE:
            asked = {"model_parameters": {**pace, "script": self.script(kind)}}
            asked["agent_id"] = "worker"
        with served.connect() as client:
            for _ in range(self.steady.jobs):
                yield start(client, **asked)

    def script(self, kind: str) -> Sequence[Mapping[str, object]]:
        calls = [{"name": "now", "arguments": {}}]
        again = [{"tokens": self.between, "calls": calls}] * _MOST_CALLS
        return [
            {"tokens": 1, "calls": calls},
            *(again if kind == CALLING else ()),
            {"tokens": TOKENS},
        ]


def agents(
    *,
    jobs: int = 100,
    rate: float = 100.0,
    between: int = 250,
    turns: int = 5,
    warm_up: float = 1.5,
    window: float = 4.0,
) -> Scenario:
    """`turns`: how often each kind is measured, one after the other."""
    steady = Steady(jobs=jobs, rate=rate, warm_up=warm_up, window=window)
    runs = ManyRuns(steady=steady, between=between)

    def measure() -> Figures:
        costs: dict[str, list[float]] = {BARE: [], AGENTS: [], CALLING: []}
        for _ in range(turns):  # a noisy minute meets every kind
            for kind, found in costs.items():
                found.append(per_million(runs.measure(kind)))
        ratios = [many / one for one, many in zip(costs[BARE], costs[AGENTS], strict=True)]
        more = median(costs[CALLING]) - median(costs[BARE])
        return {
            **{f"{kind}: CPU, µs a token": median(found) for kind, found in costs.items()},
            f"{AGENTS}: CPU, times that of {BARE}": median(ratios),
            "a tool call with its model call: CPU, ms": max(0.0, more * between / 1000),
        }

    return Scenario(
        f"{steady}, by {BARE}, by {AGENTS} after a tool call, and by {CALLING}, every {between} "
        f"tokens, in {turns} turns; medians of windows of {window:g} s",
        measure,
    )
