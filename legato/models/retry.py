"""The number of retries, and the waits between."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from msgspec import Struct

from legato.models.fields import number_in

LONGEST_ASKED: Final = 10_000_000.0  # seconds: four months; a greater number is a mistake


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """Waits grow by doubling, with full jitter, because a crowd must not come back together."""

    retries: int = 2  # three askings: enough for a hiccup, and an outage is said within seconds
    first_wait: float = 0.5  # seconds, the most before the first retry
    longest_wait: float = 20.0  # a longer wait is reported to the client instead

    def wait(self, retry: int, asked: float | None, chance: float) -> float | None:
        """Seconds before retry number `retry` (from 0), or None to give up.

        `asked` is the provider's own Retry-After in seconds; `chance` lies between 0 and 1.
        """
        if retry >= self.retries or (asked is not None and asked > self.longest_wait):
            return None
        jittered = min(self.longest_wait, self.first_wait * 2.0**retry) * chance
        return max(jittered, asked or 0.0)


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header, a number or an HTTP date; None for anything else."""
    if value is None:
        return None
    seconds = number_in(value.strip())
    if seconds is None:
        seconds = _seconds_until(value, now)
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_ASKED else None


def _seconds_until(value: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment.astimezone(UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def retry_after_in(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds from a response's headers (Azure says milliseconds as well); None if none says."""
    if (milliseconds := number_in(headers.get("retry-after-ms"))) is not None:
        return read_retry_after(str(milliseconds / 1000), now)
    return read_retry_after(headers.get("retry-after"), now)
