"""Counts of past and present jobs, added up when somebody asks."""

from collections.abc import Mapping

from msgspec import Struct

from legato.actors.lifecycle import State
from legato.actors.messages import Standing
from legato.histogram import Histogram


class Statistics(Struct, frozen=True):
    """Counts of one process's jobs.  A count `of all` begins with the process."""

    jobs: Mapping[State, int]  # present now
    readers: int  # now, including readers for other replicas
    started: int  # of all
    endings: Mapping[Standing, int]  # of all
    events: int  # of all, including the events of jobs taken over
    lagged: int  # of all: readers dropped for lagging
    first_content: Histogram  # from asking a model to the first word
