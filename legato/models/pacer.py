"""Waiting for many moments at the price of few: one of those who wait keeps watch for all."""

from functools import partial
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Final

import trio
from outcome import Value
from trio.lowlevel import Abort, Task

TICK: Final = 0.001  # seconds; a Trio sleep costs about 25 µs, so a busy watch is 3 % of a core


class Pacer:
    """A `trio.sleep_until` for many tasks with one alarm for all; for one Trio loop at a time.

    The first to wait watches: it alone sleeps, until the earliest deadline of all, and wakes
    whoever is due.  When its own moment comes, or it is cancelled, it calls another to the watch.
    So there is no task of its own to start or to end, and nothing runs where nobody waits.
    """

    def __init__(self) -> None:
        self._deadlines: list[tuple[float, int]] = []  # a heap of (deadline, ticket)
        self._waiting: dict[int, Task] = {}  # by ticket; who left is gone from here at once
        self._tickets = count()
        self._watched = False
        self._called = -1  # whose ticket the watch was handed to last
        self._alarm = trio.CancelScope()  # of who watches
        self._next_tick = -inf
        self._now = -inf  # when who watches looked at the clock last: for all, and that is enough

    async def sleep_until(self, deadline: float) -> float:
        """Return at `deadline` (on Trio's clock), or less than a TICK later; the time then.

        The alarm rings once a tick at most, for all who are due by then; who waits alone, for
        moments a tick or more apart, has each of them exactly.  A deadline that has passed is a
        checkpoint.
        """
        if self._watched and deadline > self._now:
            ticket = self._enter(deadline)
            now: float = await trio.lowlevel.wait_task_rescheduled(partial(self._leave, ticket))
            return await self._watch(deadline) if self._called == ticket else now
        now = trio.current_time()
        if deadline > now:
            return await self._watch(deadline)
        await trio.lowlevel.checkpoint()
        return now

    def _enter(self, deadline: float) -> int:
        """Be waited for by who watches; woken at the deadline, or called to the watch."""
        ticket = next(self._tickets)
        self._waiting[ticket] = trio.lowlevel.current_task()
        heappush(self._deadlines, (deadline, ticket))
        ring = max(deadline, self._next_tick)
        if ring < self._alarm.deadline:
            self._alarm.deadline = ring
        return ticket

    async def _watch(self, deadline: float) -> float:
        self._watched = True
        self._now = trio.current_time()
        # Another Trio loop has another clock, and the last tick may be far ahead on this one.
        self._next_tick = min(self._next_tick, self._now + TICK)
        try:
            while self._now < deadline:
                with trio.CancelScope(deadline=self._next_ring(deadline)) as self._alarm:
                    await trio.sleep_forever()
                self._now = trio.current_time()
                self._wake(self._now)
            return self._now
        finally:
            self._call_another()

    def _next_ring(self, deadline: float) -> float:
        earliest = self._deadlines[0][0] if self._deadlines else deadline
        return max(min(deadline, earliest), self._next_tick)

    def _wake(self, now: float) -> None:
        self._next_tick = now + TICK
        while self._deadlines and self._deadlines[0][0] <= now:
            _, ticket = heappop(self._deadlines)
            if ticket in self._waiting:
                trio.lowlevel.reschedule(self._waiting.pop(ticket), Value(now))

    def _call_another(self) -> None:
        self._watched = bool(self._waiting)
        if self._watched:
            # The last to come has probably the longest to wait, and so watches for longest.
            self._called, task = self._waiting.popitem()
            trio.lowlevel.reschedule(task)
        self._prune()

    def _leave(self, ticket: int, _: object) -> Abort:
        del self._waiting[ticket]
        self._prune()
        return Abort.SUCCEEDED

    def _prune(self) -> None:
        """Forget deadlines that nobody waits for, once they are the greater part."""
        if len(self._deadlines) > 2 * len(self._waiting):
            self._deadlines = [each for each in self._deadlines if each[1] in self._waiting]
            heapify(self._deadlines)
