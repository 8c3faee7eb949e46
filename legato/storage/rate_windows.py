"""Counts of requests in windows of time, by the rules of the package `limits`."""

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

import trio
from limits import RateLimitItem
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

# of 200 bytes each; a client can fill them only with requests that hit limits
MAX_COUNTERS: Final = 100_000

SWEEP: Final = 1024
"""The number of counters from which on expired counters are looked for."""


class RateWindow(NamedTuple):
    """The state of a rate: `remaining` of `limit` in `seconds`, until `reset` seconds from now.

    `passed` is false for a request over the limit.
    """

    limit: int
    seconds: int
    remaining: int
    reset: float
    passed: bool


class Windows(Protocol):
    """Counts of requests by each client.  A window begins with the first request counted in it."""

    async def hit(self, rates: Sequence[RateLimitItem], who: str) -> RateWindow:
        """Count one request for each rate, and return the window that is full, or the fullest.

        Raises:
            StorageError: where the request cannot be counted.
        """
        ...


def hit(counts: Storage, rates: Sequence[RateLimitItem], who: str, now: float) -> RateWindow:
    """The count of Windows.hit, in a storage that may block; `now` is in the storage's time."""
    limiter = FixedWindowRateLimiter(counts)
    windows = []
    for rate in rates:
        passed = limiter.hit(rate, who)
        reset, remaining = limiter.get_window_stats(rate, who)
        seconds = rate.get_expiry()
        left = max(0.0, min(reset - now, seconds))
        windows.append(RateWindow(rate.amount, seconds, remaining, left, passed))
        if not passed:
            break  # a refused request does not count against the rates over longer times
    return min(windows, key=lambda window: (window.passed, window.remaining))


class MemoryWindows:
    """This process's own windows.  `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts = _MemoryCounts(clock)

    async def hit(self, rates: Sequence[RateLimitItem], who: str) -> RateWindow:
        await trio.lowlevel.checkpoint()
        return hit(self._counts, rates, who, self._clock())


class _Counter(NamedTuple):
    so_far: int
    until: float


class Counts(Storage):
    """The part of a `limits` storage that fixed windows use; nothing checks, resets or clears."""

    STORAGE_SCHEME = None

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def check(self) -> bool:
        raise NotImplementedError

    def reset(self) -> int | None:
        raise NotImplementedError

    def clear(self, key: str) -> None:
        raise NotImplementedError


class _MemoryCounts(Counts):
    """Counters in a dictionary; the memory storage of `limits` has a thread that never rests."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._counters: dict[str, _Counter] = {}
        self._sweep_at = SWEEP

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = self._clock()
        former = self._counters.get(key)
        if former is None or former.until <= now:
            self._make_room(now)
            former = _Counter(0, now + expiry)
        self._counters[key] = _Counter(former.so_far + amount, former.until)
        return former.so_far + amount

    def get(self, key: str) -> int:
        return self._current(key).so_far

    def get_expiry(self, key: str) -> float:
        return self._current(key).until

    def _current(self, key: str) -> _Counter:
        now = self._clock()
        found = self._counters.get(key)
        return _Counter(0, now) if found is None or found.until <= now else found

    def _make_room(self, now: float) -> None:
        if len(self._counters) < self._sweep_at:
            return
        self._counters = {key: c for key, c in self._counters.items() if c.until > now}
        # room for many more counters, not only the next
        while len(self._counters) > MAX_COUNTERS * 3 // 4:
            del self._counters[next(iter(self._counters))]
        self._sweep_at = min(MAX_COUNTERS, max(SWEEP, 2 * len(self._counters)))
