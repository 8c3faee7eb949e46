"""The machine and versions behind a figure; medians and percentiles."""

import os
import platform
import socket
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Final

import trio

RUNS: Final = 3

_TIMES: Final = 4000
_FRAMES: Final = 100
_FRAME: Final = b"x" * 200


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


def speed() -> str:
    """How fast the machine is at this moment, in what Legato does most, in a line."""
    return (
        f"here and now: a Trio sleep {1e6 * trio.run(_sleep):.1f} µs, a send {1e6 * _send():.1f} µs"
    )


async def _sleep() -> float:
    """Seconds of processor time for a sleep that ends at once."""
    begun = time.process_time()
    for _ in range(_TIMES):
        await trio.sleep(1e-9)
    return (time.process_time() - begun) / _TIMES


def _send() -> float:
    """Seconds to hand a frame to the kernel while the reader sleeps."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as reader,
        listener.accept()[0] as writer,
    ):
        spent = 0.0
        for _ in range(_TIMES // _FRAMES):
            begun = time.perf_counter()
            for _ in range(_FRAMES):
                writer.send(_FRAME)
            spent += time.perf_counter() - begun
            reader.recv(_FRAMES * len(_FRAME))
        return spent / _TIMES


def median(figures: Sequence[float]) -> float:
    return statistics.median(figures)


def percentile(figures: Sequence[float], share: float) -> float:
    """The figure that `share` (0 to 1) of all figures do not exceed."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def folder() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder for the files of a measured server."""
    return tempfile.TemporaryDirectory(prefix="legato-bench-")
