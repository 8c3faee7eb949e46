"""When the parts of one job happened, in seconds of Trio's clock.

The job owns its timing.  Anybody may read; the job notes what is said, and the producer what is
asked.
"""

from collections.abc import Callable

import trio

from legato.actors.production.event_times import EventTimes


class Timing:
    """`offset` leads from Trio's clock to seconds since 1970."""

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self.began = trio.current_time()
        self.offset = wall_clock() - self.began
        self.events = EventTimes()
        self.asked_at: float | None = None  # when a model was first asked here
        self.first_content: float | None = None  # seconds from asking the model to the first word
        self.ended_at: float | None = None  # when the ending was said, where it was said here

    def ended(self, seq: int) -> None:
        """Note that the ending is said, at `seq`."""
        self.ended_at = trio.current_time()
        self.events.note(seq, self.ended_at)
