"""Sleeping for many tasks at the price of few: a single waiting task keeps watch for all."""

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

    The first waiting task keeps watch: only the watcher sleeps, until the earliest deadline of all,
    and wakes every task that is due.  When the watcher's own deadline comes, or the watcher is
    cancelled, the watch goes to a different waiting task.  Therefore the pacer needs no task of its
    own, and nothing runs while nobody waits.
    """

    def __init__(self) -> None:
        self._deadlines: list[tuple[float, int]] = []  # a heap of (deadline, ticket)
        self._waiting: dict[int, Task] = {}  # by ticket; a task that left is removed at once
        self._tickets = count()
        self._watched = False
        self._called = -1  # the last ticket that the watch was given to
        self._alarm = trio.CancelScope()  # of the watcher
        self._next_tick = -inf
        self._now = -inf  # the watcher's last look at the clock, which serves all tasks

    async def sleep_until(self, deadline: float) -> float:
        """Sleep until `deadline` (on Trio's clock), or less than a TICK longer; returns the time.

        The alarm rings at most once a tick, for all tasks that are due.  A task that waits alone,
        for deadlines a tick or more apart, wakes exactly at each deadline.  A deadline in the past
        is a checkpoint.
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
        """Register the current task with the watcher, to be woken at the deadline or given the
        watch."""
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
        # A new Trio loop has a new clock, on which the last tick may be far ahead.
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
            # The newest task probably waits longest, and can keep watch for longest.
            self._called, task = self._waiting.popitem()
            trio.lowlevel.reschedule(task)
        self._prune()

    def _leave(self, ticket: int, _: object) -> Abort:
        del self._waiting[ticket]
        self._prune()
        return Abort.SUCCEEDED

    def _prune(self) -> None:
        """Forget deadlines without a waiting task, once they are the greater part."""
        if len(self._deadlines) > 2 * len(self._waiting):
            self._deadlines = [each for each in self._deadlines if each[1] in self._waiting]
            heapify(self._deadlines)
