"""Worker threads with deadlines: nobody waits longer, whatever becomes of the thread.

A deadline covers the wait for a turn and the work.  When the deadline has passed, the thread's wait
is broken, and the caller is told at once; the thread keeps its turn until the thread has ended.

Callers that wait for a turn are told with the first only where no thread has ended there for long.
A thread that began late, at the end of a long line, says nothing about the next.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar, cast

import trio

from legato.storage.contracts.errors import Unavailable
from legato.storage.operations import ThreadOperation

T = TypeVar("T")

_LONG: Final = 0.5
"""Part of the time that a caller has: a line in which a thread ended since then does move."""


class Threads:
    """Threads that use `name`, a thing named in errors; `timeout` is in seconds."""

    def __init__(self, name: str, timeout: float) -> None:
        self._name = name
        self._timeout = timeout
        # callers that wait for their turns, each with the limiter
        self._waiting: dict[trio.CancelScope, trio.CapacityLimiter] = {}
        # when a thread last ended by itself, for each limiter
        self._ended_at: dict[trio.CapacityLimiter, float] = {}
        # a scope for each caller that waits for its thread
        self._working: dict[trio.CancelScope, ThreadOperation] = {}
        self._is_abandoned = False

    async def run(
        self,
        work: Callable[[], T],
        limiter: trio.CapacityLimiter,
        *,
        timeout_: float | None = None,
        shield: bool = True,
    ) -> T:
        """Do the work in a thread, when there is a turn at the limiter.

        A cancelled caller still waits for the thread, within the deadline, because the caller has
        to know the outcome; without `shield` a cancelled caller leaves, which suits work that only
        reads.

        Raises:
            Unavailable: when the deadline has passed; the outcome of the work is not certain then.
        """
        seconds = self._timeout if timeout_ is None else timeout_
        turn = await self._turn(limiter, seconds, deadline := trio.current_time() + seconds)
        scope = trio.CancelScope(shield=shield, deadline=deadline)
        self._working[scope] = turn.operation
        try:
            with scope:
                return await trio.to_thread.run_sync(
                    partial(turn.operation.run, work),
                    limiter=cast("trio.CapacityLimiter", turn),
                    abandon_on_cancel=True,
                )
        finally:
            del self._working[scope]
            turn.give_back_unused()
        turn.operation.interrupt()
        if timeout_ is None and self._is_stuck(limiter):
            self._give_up_turns(limiter)
        raise self._failure(seconds)

    async def _turn(
        self, limiter: trio.CapacityLimiter, seconds: float, deadline: float
    ) -> "_Turn":
        if self._is_abandoned:
            raise self._failure(seconds)
        turn = _Turn(limiter, partial(self._ended, limiter))
        with trio.CancelScope(deadline=deadline) as scope:
            self._waiting[scope] = limiter
            try:
                await limiter.acquire_on_behalf_of(turn)
            finally:
                del self._waiting[scope]
            return turn
        raise self._failure(seconds)

    def abandon(self) -> None:
        """Tell all callers, waiting now or coming later, that they wait in vain."""
        self._is_abandoned = True
        for limiter in {*self._waiting.values()}:
            self._give_up_turns(limiter)
        for scope, operation in self._working.items():
            operation.interrupt()
            scope.cancel()

    def _ended(self, limiter: trio.CapacityLimiter) -> None:
        self._ended_at[limiter] = trio.current_time()

    def _is_stuck(self, limiter: trio.CapacityLimiter) -> bool:
        """Whether no thread has ended for long."""
        silent = trio.current_time() - self._ended_at.get(limiter, -math.inf)
        return silent >= _LONG * self._timeout

    def _give_up_turns(self, limiter: trio.CapacityLimiter) -> None:
        """Refuse the callers that wait for a turn: the threads before them do not end in time."""
        for scope, turns in self._waiting.items():
            if turns is limiter:
                scope.cancel()

    def _failure(self, seconds: float) -> Unavailable:
        if self._is_abandoned:
            return Unavailable(f"The process ends, and {self._name} did not answer in time.")
        name = self._name[0].upper() + self._name[1:]
        return Unavailable(f"{name} did not answer within {seconds:g} s.")


class _Turn:
    """A place at a limiter, kept until the thread has ended, even after its caller has left."""

    def __init__(self, limiter: trio.CapacityLimiter, ended: Callable[[], None]) -> None:
        """`ended` is called when the thread has ended, unless the thread was broken off."""
        self.operation = ThreadOperation()
        self._limiter = limiter
        self._ended = ended
        self._is_used = False

    async def acquire_on_behalf_of(self, thread: object) -> None:
        """Called by Trio when the thread is about to start: the place is there already."""
        self._is_used = True

    def release_on_behalf_of(self, thread: object) -> None:
        """Called by Trio when the thread has ended."""
        if not self.operation.is_interrupted:
            self._ended()
        self._limiter.release_on_behalf_of(self)

    def give_back_unused(self) -> None:
        if not self._is_used:
            self._limiter.release_on_behalf_of(self)
