"""Makes the jobs of a process: of a turn, or of what a journal has of one."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import trio

from legato.actors.job import Job
from legato.actors.journaling import JournalWriter
from legato.actors.recovery import Recovered
from legato.actors.turn import Turn
from legato.config import Limits
from legato.dialects.contract import Dialect
from legato.models.contract import Model
from legato.storage.contract import Records


class JobFactory:
    def __init__(
        self,
        *,
        records: Records,
        models: Mapping[str, Model],
        dialects: Mapping[str, Dialect],
        limits: Limits,
        journal: JournalWriter | None,
        on_ended: Callable[[Job], None],
        on_lost: Callable[[Job], object],
    ) -> None:
        self._models = models
        self._job = partial(
            Job,
            records=records,
            dialects=dialects,
            limits=limits,
            journal=journal,
            on_ended=on_ended,
            on_lost=on_lost,
        )

    def new(self, turn: Turn, predecessors: Sequence[trio.Event]) -> Job:
        return self._job(turn, model=self._models[turn.model], predecessors=predecessors)

    def restored(self, recovered: Recovered) -> Job:
        model = self._models.get(recovered.turn.model)
        job = self._job(
            recovered.turn,
            model=model or next(iter(self._models.values())),  # any: who has ended asks no model
            predecessors=(),
            epoch=recovered.epoch,
            former=recovered.former,
            position=len(recovered.events),
        )
        if recovered.has_ended or recovered.opening is None:
            job.restore(recovered.opening, recovered.events)
        else:
            job.go_on(recovered.opening, recovered.events)
        return job
