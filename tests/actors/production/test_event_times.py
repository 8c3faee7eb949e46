"""The times of a log's events: few entries, and true to the resolution."""

from hypothesis import given
from hypothesis import strategies as st

from legato.actors.production.event_times import RESOLUTION, EventTimes

MOST = 8


def noted(*gaps: float, most: int = MOST) -> tuple[EventTimes, list[float]]:
    """Times of events that came `gaps` seconds after one another, and the true times."""
    times, at, true = EventTimes(most), 0.0, []
    for seq, gap in enumerate(gaps, 1):
        at += gap
        times.note(seq, at)
        true.append(at)
    return times, true


def test_what_comes_together_is_one_moment() -> None:
    times, _ = noted(0, 0.03, 0.03, 0.07, 9.0)

    assert times.moments() == [(0.0, 3), (0.13, 4), (9.13, 5)]


def test_a_burst_before_a_silence_keeps_its_time() -> None:
    times, _ = noted(0, 0.01, 0.01, 60)

    assert times.moments() == [(0.0, 3), (60.02, 4)]


def test_many_moments_become_longer_ones() -> None:
    times, _ = noted(*[RESOLUTION] * 1000)

    assert len(times) <= MOST
    assert times.moments()[-1].seq == 1000
    assert times.bytes == 16 * len(times)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200))
def test_every_event_has_a_time_true_to_the_resolution(gaps: list[float]) -> None:
    times, true = noted(*gaps)
    moments = times.moments()

    assert len(moments) <= MOST
    assert moments[-1].seq == len(gaps)
    for seq, at in enumerate(true, 1):
        moment = next(each for each in moments if each.seq >= seq)
        assert moment.at <= at < moment.at + times.resolution + 1e-9
