"""Everything that the jobs of one process are made with."""

import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from msgspec import Struct

from legato.actors.durability.job_journal import Writer
from legato.actors.durability.parked import Parked
from legato.actors.durability.recording import Recording
from legato.actors.production.rotation import Rotation
from legato.actors.ref import Find, nowhere
from legato.agents.bare import BARE_RUNS
from legato.agents.contract import Runs
from legato.config import Limits
from legato.content import Conversation
from legato.dialects.contract import Dialect
from legato.events import Answered, Asked, Created, Queued
from legato.models.contract import Model
from legato.storage.contracts.records import Records

J = TypeVar("J")


class JobResources(Struct, frozen=True, kw_only=True):
    """Everything that jobs use and others own.  `wall_clock`: seconds since 1970."""

    records: Records
    models: Mapping[str, Model]
    dialects: Mapping[str, Dialect]
    limits: Limits
    runs: Runs = BARE_RUNS
    wall_clock: Callable[[], float] = time.time


Telling = Queued | Created | Asked | Answered
"""The events of a job, beside the ending, that matter to somebody who does not read the job."""


class JobObserver(Generic[J]):
    """Told of a job in the job's own task, in the step in which each thing happens.

    No method may wait, and none may fail.  An observer overrides what the observer needs.
    `J` is Job.
    """

    def job_said(self, job: J, event: Telling) -> None:
        """The event is in the log."""

    def job_ended(self, job: J) -> None:
        """The job has said its ending."""

    def job_read(self, job: J) -> None:
        """Somebody asked an ended job, whose memory may have grown by the answer."""

    def job_lost(self, job: J) -> None:
        """Another replica owns the job by now, or will."""

    def job_parked(self, job: J, entry: Parked) -> None:
        """The job is let go of while its run waits; only `entry` is here from now on."""

    def job_left(self, job: J) -> None:
        """The job was here to its end, and is gone."""

    def job_adopted(self, job: J) -> None:
        """A job that ended in another process is here now."""

    def conversation_titled(self, conversation: Conversation) -> None:
        """A conversation has the title that was made after its first answer."""


class JobEnv(Struct, Generic[J], frozen=True, kw_only=True):
    """Everything shared by the jobs of one process.

    `find`: see LocalRef.
    """

    resources: JobResources
    observer: JobObserver[J]
    writer: Writer
    rotation: Rotation
    recording: Recording
    find: Find = nowhere
