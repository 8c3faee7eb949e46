import pytest

from legato.bench import BenchError
from legato.bench.scenarios.ladders import Ladder, climb, highest_rate
from legato.bench.scenarios.steady import Steady
from legato.bench.tasks import Window


def test_climbing_ends_at_the_first_that_does_not_pass() -> None:
    tried: list[int] = []

    def passes(rung: int) -> bool:
        tried.append(rung)
        return rung < 3

    assert climb([1, 2, 3, 4], passes) == 2
    assert tried == [1, 2, 3]
    assert climb([3, 4], passes) is None


@pytest.mark.parametrize("limit", [10, 12, 13, 19, 20, 1000, 123_456])
def test_the_highest_rate_is_within_a_step_of_the_limit(limit: float) -> None:
    found = highest_rate(10, lambda rate: rate <= limit)

    assert found is not None
    assert found <= limit < found * 1.25


def test_a_rate_goes_no_higher_than_a_job_can_be_told() -> None:
    found = highest_rate(900_000, lambda rate: True)

    assert found == 900_000
    assert highest_rate(10, lambda rate: False) is None


def window(steady: Steady, *, share: float, bucket: int) -> Window:
    events = round(steady.asked * share)
    return Window(events=events, seconds=1.0, lags={bucket: events})


@pytest.mark.parametrize(
    ("share", "bucket", "good"), [(1.0, 2499, True), (1.0, 2500, False), (0.94, 1, False)]
)
def test_a_step_passes_that_is_neither_late_nor_short(
    share: float, bucket: int, good: bool
) -> None:
    ladder = Ladder[Steady](lambda steady: window(steady, share=share, bucket=bucket))

    assert ladder.passes(Steady(rate=1000)) is good
    assert (ladder.best is not None) is good


def test_a_step_that_cannot_be_measured_does_not_pass() -> None:
    def fails(steady: Steady) -> Window:
        raise BenchError("5 connections were lost")

    ladder = Ladder(fails)

    assert not ladder.passes(Steady())
    with pytest.raises(BenchError, match="lowest step"):
        ladder.top()
