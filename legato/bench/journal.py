"""What it costs to lose nothing: the same load on memory, and on SQLite with its journal."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from legato.bench.counting import Lags
from legato.bench.report import Figures, Scenario
from legato.bench.steady import Steady, per_million
from legato.bench.tasks import Window

_DATABASE: Final = ".legato/legato.db"  # where a server puts it that is told nothing else
_KEPT: Final = "SELECT COALESCE(SUM(json_array_length(CAST(events AS TEXT))), 0) FROM entries"


def journal(
    *,
    jobs: int = 100,
    rate: float = 200.0,
    warm_up: float = 1.5,
    window: float = 6.0,
    counted: float = 3.0,
) -> Scenario:
    """`counted`: seconds after the window in which the journal's entries are counted."""
    memory = Steady(jobs=jobs, rate=rate, warm_up=warm_up, window=window)
    kept = Steady(jobs=jobs, rate=rate, warm_up=warm_up, window=window, database=None)

    def measure() -> Figures:
        figures = _figures("memory", memory.ours())
        with kept.following() as (served, seen):
            per_second = _kept_per_second(Path(served.folder) / _DATABASE, counted)
        return {**figures, **_figures("SQLite", seen), "SQLite: events/s kept": per_second}

    return Scenario(f"{memory}, on memory, then on SQLite; a window of {window:g} s", measure)


def _figures(database: str, window: Window) -> Figures:
    lags = Lags(window.lags)
    return {
        f"{database}: events/s delivered": window.events / window.seconds,
        f"{database}: server's CPU, s per million events": per_million(window),
        f"{database}: lag p50, ms": lags.percentile(0.5),
        f"{database}: lag p99, ms": lags.percentile(0.99),
        f"{database}: lag p99.9, ms": lags.percentile(0.999),
    }


def _kept_per_second(database: Path, seconds: float) -> float:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        first, begun = _kept(connection), time.monotonic()
        time.sleep(seconds)
        return (_kept(connection) - first) / (time.monotonic() - begun)


def _kept(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute(_KEPT).fetchone()
    return int(count)
