"""Under what a figure was measured, and how many become one."""

import os
import platform
import statistics
import tempfile
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Final

RUNS: Final = 3


def conditions() -> str:
    """The machine, the versions and the day, in a line."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    processor = next((line for line in lines if line.startswith("model name")), ": unknown")
    packages = ", ".join(f"{name} {version(name.lower())}" for name in ("Trio", "Hypercorn"))
    return (
        f"{processor.split(': ')[1]}, {len(os.sched_getaffinity(0))} cores, "
        f"load {os.getloadavg()[0]:.1f}; Linux {platform.release()}; "
        f"Python {platform.python_version()}, {packages}, Legato {version('legato')}; "
        f"{date.today().isoformat()}"
    )


def median(figures: Sequence[float]) -> float:
    return statistics.median(figures)


def percentile(figures: Sequence[float], share: float) -> float:
    """The figure that `share` (0 to 1) of them do not exceed."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def folder() -> tempfile.TemporaryDirectory[str]:
    """Where a server's files go while it is measured."""
    return tempfile.TemporaryDirectory(prefix="legato-bench-")
