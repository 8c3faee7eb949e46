"""Shrinking: the shortest schedule found that still breaks the promise."""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from legato.prove.result import RunResult
from legato.prove.schedule import Schedule, Step

MOST_RUNS: Final = 500
"""Enough for forty steps; more runs would keep people waiting for a schedule that is short
enough."""


def shrink(
    broken: RunResult, run: Callable[[Schedule], RunResult], *, most_runs: int = MOST_RUNS
) -> RunResult:
    """The result of the shortest schedule found that breaks the same check; `run` runs each."""
    return _Shrinking(broken, run, most_runs).run()


class _Shrinking:
    """Tries smaller schedules in turn, and goes on from each schedule with the same breach."""

    def __init__(
        self, broken: RunResult, run: Callable[[Schedule], RunResult], most_runs: int
    ) -> None:
        assert broken.breach is not None, "only what is broken can be shrunk"
        self._best = broken
        self._check = broken.breach.check
        self._run = run
        self._left = most_runs

    def run(self) -> RunResult:
        before = None
        while self._best.schedule != before and self._left > 0:
            before = self._best.schedule
            self._drop_steps()
            self._simplify()
        return self._best

    def _drop_steps(self) -> None:
        """Drop halves, quarters and at last single steps, from the end on."""
        size = max(1, len(self._best.schedule.steps) // 2)
        while size:
            place = len(self._best.schedule.steps) - size
            while place > -size:
                self._try(_without(self._best.schedule, max(0, place), size))
                place -= size
            size //= 2

    def _simplify(self) -> None:
        for simpler in ({"replicas": 2}, {"on_owner_lost": "seal"}):
            self._try(replace(self._best.schedule, **simpler))
        for place in range(len(self._best.schedule.steps)):
            for step in _simpler(self._best.schedule.steps[place]):
                self._try(_with(self._best.schedule, place, step))

    def _try(self, schedule: Schedule) -> None:
        """Any breach of the same check is the same defect, as far as can be told."""
        if schedule == self._best.schedule or self._left <= 0:
            return
        self._left -= 1
        found = self._run(schedule)
        if any(breach.check == self._check for breach in found.breaches):
            self._best = found


def _without(schedule: Schedule, place: int, size: int) -> Schedule:
    steps = schedule.steps[:place] + schedule.steps[place + size :]
    return replace(schedule, steps=steps)


def _with(schedule: Schedule, place: int, step: Step) -> Schedule:
    steps = schedule.steps
    return replace(schedule, steps=(*steps[:place], step, *steps[place + 1 :]))


def _simpler(step: Step) -> Iterator[Step]:
    """Simpler forms of a step: each number in turn becomes 0, the first thing of a kind."""
    numbers = step.numbers
    for place, number in enumerate(numbers):
        if number:
            yield replace(step, numbers=(*numbers[:place], 0, *numbers[place + 1 :]))
