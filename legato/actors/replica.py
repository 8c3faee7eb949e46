"""A process's own jobs, beside all jobs as seen from the process."""

from typing import NamedTuple

from legato.actors.jobs import Jobs
from legato.actors.supervisor import Supervisor


class Replica(NamedTuple):
    """A process's own jobs, and all jobs as seen by a program of the process."""

    supervisor: Supervisor
    jobs: Jobs
