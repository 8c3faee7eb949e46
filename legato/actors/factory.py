"""Makes the jobs of a process: of a turn, or of what a journal has of one."""

from collections.abc import Mapping
from functools import partial

from legato.actors.absent_model import AbsentModel
from legato.actors.conversation.turn import Turn
from legato.actors.durability.job_journal import Writer
from legato.actors.durability.recovery import Recovered
from legato.actors.job import Job, JobOwner
from legato.actors.rotation import Rotation
from legato.config import Limits
from legato.dialects.contract import Dialect
from legato.models.contract import Model
from legato.storage.contracts.records import Records


class JobFactory:
    def __init__(
        self,
        *,
        records: Records,
        models: Mapping[str, Model],
        dialects: Mapping[str, Dialect],
        limits: Limits,
        owner: JobOwner,
        writer: Writer,
        is_resumed: bool = False,
    ) -> None:
        """`is_resumed`: see Recorder."""
        self._models = models
        self._job = partial(
            Job,
            records=records,
            dialects=dialects,
            limits=limits,
            owner=owner,
            writer=writer,
            rotation=Rotation(),
            is_resumed=is_resumed,
        )

    def new(self, turn: Turn) -> Job:
        return self._job(turn, model=self._models[turn.model])

    def restored(self, recovered: Recovered) -> Job:
        name = recovered.turn.model
        job = self._job(
            recovered.turn,
            model=self._models.get(name) or AbsentModel(name),
            epoch=recovered.epoch,
            previous_epochs=recovered.previous_epochs,
            position=len(recovered.events),
        )
        if recovered.has_ended:
            job.restore(recovered.opening, recovered.events)
        else:
            job.go_on(recovered.opening, recovered.events)
        return job
