"""The command: runs seeds on all cores, and prints the outcome in words."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Final

from legato.prove import ProveError
from legato.prove.exemptions import ALL as ALL_EXEMPTIONS
from legato.prove.result import RunResult
from legato.prove.rules import ENABLED
from legato.prove.run import run
from legato.prove.schedule import Rule, draw
from legato.prove.shrink import shrink

AT_ONCE: Final = 10
"""Seeds that a process is given at a time: work for a fraction of a second."""


def prove(first: int, count: int) -> None:
    """Run `count` seeds from `first` on, and print the outcome.

    Raises:
        ProveError: if a seed broke the promise.
    """
    began = time.perf_counter()
    with _found(first, count) as found:
        done = 0
        for done, seed in enumerate(found, 1):
            _show_progress(done, count)
            if seed is not None:
                print(*explained(shrunk(run_seed(seed))), sep="\n", flush=True)
                raise ProveError(f"seed {seed} broke the promise; `legato prove --seed {seed}`")
    speed = done / (time.perf_counter() - began)
    print(f"{done:,} seeds held, from {first} on, {speed:,.0f} a second")


def prove_one(seed: int) -> None:
    """Run one seed, and print all that happened.

    Raises:
        ProveError: if the seed broke the promise.
    """
    came = run_seed(seed)
    print(*trace(came), sep="\n")
    if came.breach is not None:
        print()
        print(*explained(shrunk(came)), sep="\n")
        raise ProveError(f"seed {seed} broke the promise")


def run_seed(seed: int, rules: Sequence[Rule] | None = None) -> RunResult:
    """Run the seed; without `rules`, with the enabled rules."""
    return run(draw(seed, rules or ENABLED, ALL_EXEMPTIONS), by_name(rules))


def shrunk(broken: RunResult, rules: Sequence[Rule] | None = None) -> RunResult:
    """Run shorter schedules of these rules, as long as the same check breaks."""
    return shrink(broken, partial(run, rules=by_name(rules)))


def by_name(rules: Sequence[Rule] | None = None) -> Mapping[str, Rule]:
    return {rule.name: rule for rule in rules or ENABLED}


def explained(came: RunResult) -> Iterator[str]:
    """Say which check was broken, and list the shortest schedule that breaks the check."""
    schedule, breach = came.schedule, came.breaches[0]
    yield f"seed {schedule.seed} broke the promise ({breach.check}): {breach.words}"
    yield f"{schedule.replicas} replicas, on_owner_lost = {schedule.on_owner_lost}"
    steps = [line for line in came.lines if line.is_step]
    for number, line in enumerate(steps, 1):
        yield f"{number:3}. {line.time:6.1f} s: {line.words}"


def trace(came: RunResult) -> Iterator[str]:
    """All lines of a run; the scheduled steps are numbered."""
    schedule, number = came.schedule, 0
    yield f"seed {schedule.seed}: {schedule.replicas} replicas, {schedule.on_owner_lost}"
    for line in came.lines:
        number += line.is_step
        head = f"{number:3}." if line.is_step else "    "
        yield f"{head} {line.time:6.1f} s: {line.words}"
    yield "broke the promise" if came.breach else "held"


@contextmanager
def _found(first: int, count: int) -> Iterator[Iterator[int | None]]:
    """Yield for each seed, in order, None, or the seed if the promise was broken."""
    seeds = range(first, first + count)
    processes = min(os.cpu_count() or 1, -(-count // AT_ONCE))
    if processes == 1:
        yield map(_broken, seeds)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield pool.imap(_broken, seeds, chunksize=AT_ONCE)


def _broken(seed: int) -> int | None:
    return seed if run_seed(seed).breach else None


def _show_progress(done: int, count: int) -> None:
    if sys.stderr.isatty() and (done % AT_ONCE == 0 or done == count):
        end = "\n" if done == count else ""
        print(f"\r{done:,} of {count:,} seeds", end=end, file=sys.stderr, flush=True)
