"""A scenario, the figures of its runs, and the table in which they are shown."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from legato.bench.conditions import median

Figures = Mapping[str, float]
"""The figures of a run: values by names with units."""


OWN_CPU: Final = "generator's CPU, cores"
"""The end of the names of figures that tell how busy the measuring process was."""


class Scenario(Struct, frozen=True):
    """`ours` and `floor` each measure a run: the same figures, of Legato and of the floor."""

    words: str  # the parameters, for people
    ours: Callable[[], Figures]
    floor: Callable[[], Figures] | None = None  # where there is something to be compared with


def run(scenario: Scenario, runs: int) -> list[str]:
    """Measure both in turn, because a noisy minute then meets both; returns the table's lines."""
    ours: list[Figures] = []
    floors: list[Figures] = []
    for number in range(1, runs + 1):
        print(f"run {number} of {runs} …", file=sys.stderr)
        ours.append(scenario.ours())
        if scenario.floor is not None:
            floors.append(scenario.floor())
    return [*table(ours, floors), *_warnings([*ours, *floors])]


def _warnings(runs: Sequence[Figures]) -> Iterator[str]:
    own = max((run[name] for run in runs for name in run if name.endswith(OWN_CPU)), default=0.0)
    if own > _BUSY:
        yield f"The generator had {own:.2f} of a core: figures may show its own limit."


_BUSY: Final = 0.9  # of a core: then the generator may be what is slow
_COLUMNS: Final = ("median", "min", "max")


def table(ours: Sequence[Figures], floors: Sequence[Figures]) -> Iterator[str]:
    """A row a figure, in the order of the first run."""
    names = list(ours[0])
    titles = [*_COLUMNS, *(f"floor's {name}" for name in _COLUMNS if floors)]
    rows = [[name, *_summary(name, ours), *_summary(name, floors)] for name in names]
    widths = [max(map(len, column)) for column in zip(["", *titles], *rows, strict=True)]
    for name, *cells in [["", *titles], *rows]:
        numbers = zip(cells, widths[1:], strict=True)
        yield "  ".join([name.ljust(widths[0]), *(cell.rjust(width) for cell, width in numbers)])


def _summary(name: str, runs: Sequence[Figures]) -> list[str]:
    if not runs:
        return []
    figures = [run[name] for run in runs if name in run]
    if not figures:  # the floor has not all of ours
        return ["–"] * len(_COLUMNS)
    return [shown(median(figures)), shown(min(figures)), shown(max(figures))]


def shown(figure: float) -> str:
    """A figure with three significant digits."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"
