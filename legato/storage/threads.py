"""Worker threads with deadlines: nobody waits longer, whatever becomes of the thread.

A deadline covers the wait for one's turn and the work.  When it has passed, the thread's wait is
broken, and whoever asked is told at once; the thread keeps its turn until it has ended.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

import trio

from legato.storage.contracts.errors import Unavailable
from legato.storage.operations import Operation

T = TypeVar("T")


class Threads:
    """What is named `name` is used in these threads; `timeout` is in seconds."""

    def __init__(self, name: str, timeout: float) -> None:
        self._name = name
        self._timeout = timeout
        self._waiting: set[trio.CancelScope] = set()  # for their turn
        self._working: dict[trio.CancelScope, Operation] = {}  # one for each that is waited for
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

        A caller that is cancelled still waits for the thread, within the deadline, so that what was
        done is known; without `shield` it leaves, for work that only reads.

        Raises:
            Unavailable: when the deadline has passed; what the work has done is not certain then.
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
        """Tell everybody who waits that it is in vain, now; the same to whoever comes later."""
        self._is_abandoned = True
        self._give_up_turns()
        for scope, operation in self._working.items():
            operation.interrupt()
            scope.cancel()

    def _give_up_turns(self) -> None:
        """Those before them do not come to their end in time."""
        for scope in self._waiting:
            scope.cancel()

    def _failure(self, seconds: float) -> Unavailable:
        if self._is_abandoned:
            return Unavailable(f"The process ends, and {self._name} did not answer in time.")
        name = self._name[0].upper() + self._name[1:]
        return Unavailable(f"{name} did not answer within {seconds:g} s.")


class _Turn:
    """A place at a limiter, which the thread has until it ends, waited for or not."""

    def __init__(self, limiter: trio.CapacityLimiter) -> None:
        self.operation = Operation()
        self._limiter = limiter
        self._is_used = False

    async def acquire_on_behalf_of(self, thread: object) -> None:
        """Called by Trio when it is about to start the thread: the place is there already."""
        self._is_used = True

    def release_on_behalf_of(self, thread: object) -> None:
        """Called by Trio when the thread has ended."""
        self._limiter.release_on_behalf_of(self)

    def give_back_unused(self) -> None:
        if not self._is_used:
            self._limiter.release_on_behalf_of(self)
