"""Shrinking: what is left of a schedule that breaks the promise once all else is taken out."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from legato.prove.run import Run, run
from legato.prove.schedule import Rule, Schedule, Step

MOST_RUNS: Final = 500
"""Enough for forty steps; more would let people wait for what they can read already."""


def shrink(broken: Run, rules: Mapping[str, Rule], *, most_runs: int = MOST_RUNS) -> Run:
    """The run of the shortest schedule found that breaks the same part of the promise."""
    return _Shrinking(broken, rules, most_runs).run()


class _Shrinking:
    """Tries one smaller schedule after another, and goes on from each that breaks, too."""

    def __init__(self, broken: Run, rules: Mapping[str, Rule], most_runs: int) -> None:
        assert broken.breach is not None, "only what is broken can be shrunk"
        self._best = broken
        self._check = broken.breach.check
        self._rules = rules
        self._left = most_runs

    def run(self) -> Run:
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
        found = run(schedule, self._rules)
        if any(breach.check == self._check for breach in found.breaches):
            self._best = found


def _without(schedule: Schedule, place: int, size: int) -> Schedule:
    steps = schedule.steps[:place] + schedule.steps[place + size :]
    return replace(schedule, steps=steps)


def _with(schedule: Schedule, place: int, step: Step) -> Schedule:
    steps = schedule.steps
    return replace(schedule, steps=(*steps[:place], step, *steps[place + 1 :]))


def _simpler(step: Step) -> Iterator[Step]:
    """The first of each thing is the simplest."""
    numbers = step.numbers
    for place, number in enumerate(numbers):
        if number:
            yield replace(step, numbers=(*numbers[:place], 0, *numbers[place + 1 :]))
