"""Counting what is asked for in windows of time, by the rules of the package `limits`."""

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

import trio
from limits import RateLimitItem
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

MAX_COUNTERS: Final = 100_000  # of 200 bytes each; whoever fills them hits limits with them

SWEEP: Final = 1024
"""How many counters may be there before those that ran out are looked for."""


class Window(NamedTuple):
    """What a rate allows now: `remaining` of `limit` in `seconds`, until `reset` seconds from now.

    `passed` is false for what was one too many.
    """

    limit: int
    seconds: int
    remaining: int
    reset: float
    passed: bool


class Windows(Protocol):
    """Counts of who did what how often.  A window begins with the first that is counted in it."""

    async def hit(self, rates: Sequence[RateLimitItem], who: str) -> Window:
        """Count one for each rate, and return the window that is full, or the fullest.

        Raises:
            StorageError: where it cannot be counted.
        """
        ...


def hit(counts: Storage, rates: Sequence[RateLimitItem], who: str, now: float) -> Window:
    """As Windows says, in a storage that may block; `now` is in its time."""
    limiter = FixedWindowRateLimiter(counts)
    windows = []
    for rate in rates:
        passed = limiter.hit(rate, who)
        reset, remaining = limiter.get_window_stats(rate, who)
        seconds = rate.get_expiry()
        left = max(0.0, min(reset - now, seconds))
        windows.append(Window(rate.amount, seconds, remaining, left, passed))
        if not passed:
            break  # what is refused does not count against what is allowed over longer times
    return min(windows, key=lambda window: (window.passed, window.remaining))


class MemoryWindows:
    """The process's own.  `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts = _MemoryCounts(clock)

    async def hit(self, rates: Sequence[RateLimitItem], who: str) -> Window:
        await trio.lowlevel.checkpoint()
        return hit(self._counts, rates, who, self._clock())


class _Counter(NamedTuple):
    so_far: int
    until: float


class Counts(Storage):
    """What a fixed window needs of a storage of `limits`; nobody checks, resets or clears one."""

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
    """Counters in a dictionary.  That of `limits` has a thread look through them all the time."""

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
        while len(self._counters) > MAX_COUNTERS * 3 // 4:  # room for more than the next one
            del self._counters[next(iter(self._counters))]
        self._sweep_at = min(MAX_COUNTERS, max(SWEEP, 2 * len(self._counters)))
