"""A round in which those who say much at a time are each let go on once."""

from typing import Final

import trio

MUCH: Final = 32
"""Events in one batch.  To keep and push one takes about 20 µs, and a model that streams to people
says a few at a time; who says more is behind, or has no pace."""


class Rotation:
    """Of one process.  One of those who wait goes on for each round of the loop, in order.

    So however many say as much as they can, the loop comes to everybody else after one batch of
    one of them.
    """

    def __init__(self) -> None:
        self._first = trio.Lock()  # which is handed on in the order of those who wait

    async def go_round(self, said: int) -> None:
        """Let others go on first after a batch of that many events, if those are many."""
        if said < MUCH:
            return
        async with self._first:
            await trio.lowlevel.checkpoint()
