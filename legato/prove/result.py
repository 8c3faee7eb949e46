"""A schedule that was run, and all that happened."""

from collections.abc import Sequence

from msgspec import Struct

from legato.prove.model import Breach, HistoryLine
from legato.prove.schedule import Schedule


class RunResult(Struct, frozen=True):
    """A schedule that was run, with the lines and breaches of the run."""

    schedule: Schedule
    lines: Sequence[HistoryLine]
    breaches: Sequence[Breach]

    @property
    def breach(self) -> Breach | None:
        return self.breaches[0] if self.breaches else None
