from datetime import UTC, datetime

import pytest

from legato.models.retry import RetryPolicy, read_retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
POLICY = RetryPolicy(retries=8, first_wait=0.5, longest_wait=20)


def test_waits_double_up_to_the_longest() -> None:
    waits = [POLICY.wait(retry, None, 1.0) for retry in range(9)]

    assert waits == [0.5, 1, 2, 4, 8, 16, 20, 20, None]


def test_chance_spreads_them() -> None:
    assert [POLICY.wait(2, None, chance) for chance in (0.0, 0.25, 1.0)] == [0, 0.5, 2]


@pytest.mark.parametrize(
    ("asked", "expected"), [(0.0, 2.0), (7.0, 7.0), (20.0, 20.0), (21.0, None)]
)
def test_what_the_provider_asks_for_is_honoured_up_to_the_longest(
    asked: float, expected: float | None
) -> None:
    assert POLICY.wait(2, asked, 1.0) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("3", 3.0),
        ("soon", None),
        ("-1", None),
        ("Sun, 01 Mar 2026 12:00:05 GMT", 5.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 13:00:05 +0100", 5.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, expected: float | None) -> None:
    assert read_retry_after(header, NOW) == expected
