"""What the jobs of one process are made with."""

import time
from collections.abc import Callable, Mapping

from msgspec import Struct

from legato.agents.bare import BARE_RUNS
from legato.agents.contract import Runs
from legato.config import Limits
from legato.dialects.contract import Dialect
from legato.models.contract import Model
from legato.storage.contracts.records import Records


class JobResources(Struct, frozen=True, kw_only=True):
    """Everything that jobs use and others own.  `wall_clock`: seconds since 1970."""

    records: Records
    models: Mapping[str, Model]
    dialects: Mapping[str, Dialect]
    limits: Limits
    runs: Runs = BARE_RUNS
    wall_clock: Callable[[], float] = time.time
