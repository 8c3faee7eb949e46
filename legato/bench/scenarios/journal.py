"""The cost of losing nothing: the same load on memory, and on SQLite with the journal."""

import sqlite3
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from legato.bench.conditions import percentile
from legato.bench.counting import Lags
from legato.bench.processes import hear, tell
from legato.bench.report import Figures, Scenario
from legato.bench.scenarios.steady import Steady, per_million
from legato.bench.servers.served import watched
from legato.bench.tasks import HeldUp, Window

_DATABASE: Final = ".legato/legato.db"  # the default of a server's settings
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
        with watched(memory.database) as (served, process):
            figures = _figures("memory", memory.on(served), process)
        with watched(kept.database) as (served, process):
            seen = _figures("SQLite", kept.on(served), process)
            per_second = _kept_per_second(Path(served.folder) / _DATABASE, counted)
        return {**figures, **seen, "SQLite: events/s kept": per_second}

    return Scenario(f"{memory}, on memory, then on SQLite; a window of {window:g} s", measure)


def _figures(database: str, window: Window, process: subprocess.Popen[bytes]) -> Figures:
    lags = Lags(window.lags)
    tell(process, None)
    noted = hear(process, HeldUp)
    late = _within(window, noted, noted.late)
    others = _within(window, noted, noted.others)
    return {
        f"{database}: events/s delivered": window.events / window.seconds,
        f"{database}: server's CPU, s per million events": per_million(window),
        f"{database}: lag p50, ms": lags.percentile(0.5),
        f"{database}: lag p99, ms": lags.percentile(0.99),
        f"{database}: lag p99.9, ms": lags.percentile(0.999),
        f"{database}: loop held up p99.9, ms": 1000 * percentile(late, 0.999),
        f"{database}: loop held up at most, ms": 1000 * max(late),
        f"{database}: other threads' CPU meanwhile p99.9, ms": 1000 * percentile(others, 0.999),
        f"{database}: other threads' CPU meanwhile at most, ms": 1000 * max(others),
    }


def _within(window: Window, noted: HeldUp, values: Sequence[float]) -> Sequence[float]:
    ended = window.begun + window.seconds
    pairs = zip(noted.moments, values, strict=True)
    return [max(0.0, value) for moment, value in pairs if window.begun <= moment <= ended]


def _kept_per_second(database: Path, seconds: float) -> float:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        first, begun = _kept(connection), time.monotonic()
        time.sleep(seconds)
        return (_kept(connection) - first) / (time.monotonic() - begun)


def _kept(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute(_KEPT).fetchone()
    return int(count)
