"""Worker threads with deadlines: nobody waits longer, whatever becomes of the thread.

A deadline covers the wait for a turn and the work.  When the deadline has passed, the thread's wait
is broken, and the caller is told at once; the thread keeps its turn until the thread has ended.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

import trio

from legato.storage.contracts.errors import Unavailable
from legato.storage.operations import ThreadOperation

T = TypeVar("T")


class Threads:
    """Threads that use `name`, a thing named in errors; `timeout` is in seconds."""

    def __init__(self, name: str, timeout: float) -> None:
        self._name = name
        self._timeout = timeout
        self._waiting: set[trio.CancelScope] = set()  # callers that wait for their turns
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
        if timeout_ is None and trio.current_time() >= deadline:
            self._give_up_turns()
        raise self._failure(seconds)

    async def _turn(
        self, limiter: trio.CapacityLimiter, seconds: float, deadline: float
    ) -> "_Turn":
        if self._is_abandoned:
            raise self._failure(seconds)
        turn = _Turn(limiter)
        with trio.CancelScope(deadline=deadline) as scope:
            self._waiting.add(scope)
            try:
                await limiter.acquire_on_behalf_of(turn)
            finally:
                self._waiting.discard(scope)
            return turn
        raise self._failure(seconds)

    def abandon(self) -> None:
        """Tell all callers, waiting now or coming later, that they wait in vain."""
        self._is_abandoned = True
        self._give_up_turns()
        for scope, operation in self._working.items():
            operation.interrupt()
            scope.cancel()

    def _give_up_turns(self) -> None:
        """Refuse the callers that wait for a turn: the threads before them do not end in time."""
        for scope in self._waiting:
            scope.cancel()

    def _failure(self, seconds: float) -> Unavailable:
        if self._is_abandoned:
            return Unavailable(f"The process ends, and {self._name} did not answer in time.")
        name = self._name[0].upper() + self._name[1:]
        return Unavailable(f"{name} did not answer within {seconds:g} s.")


class _Turn:
    """A place at a limiter, kept until the thread has ended, even after its caller has left."""

    def __init__(self, limiter: trio.CapacityLimiter) -> None:
        self.operation = ThreadOperation()
        self._limiter = limiter
        self._is_used = False

    async def acquire_on_behalf_of(self, thread: object) -> None:
        """Called by Trio when the thread is about to start: the place is there already."""
        self._is_used = True

    def release_on_behalf_of(self, thread: object) -> None:
        """Called by Trio when the thread has ended."""
        self._limiter.release_on_behalf_of(self)

    def give_back_unused(self) -> None:
        if not self._is_used:
            self._limiter.release_on_behalf_of(self)
