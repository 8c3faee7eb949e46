"""A round in which each producer with much to say is let go on once."""

from typing import Final

import trio

MUCH: Final = 32
"""Events in one batch.  To keep and push one takes about 20 µs, and a model that streams to people
says a few at a time; who says more is behind, or has no pace."""


class Rotation:
    """The round of one process: in each turn of the loop, the next waiting producer goes on.

    However many producers say as much as they can, the loop comes to everybody else after a single
    batch of a single producer.
    """

    def __init__(self) -> None:
        self._first = trio.Lock()  # handed on in the order of the waiting producers

    async def go_round(self, said: int) -> None:
        """Let others go on first after a batch of `said` events, if the batch is large."""
        if said < MUCH:
            return
        async with self._first:
            await trio.lowlevel.checkpoint()
