"""The command `legato bench`: figures that anybody can measure again, each beside a floor's.

Three processes: the server, what loads it, and the command that conducts them.
"""

from typing import Final

NAMES: Final = (
    *("fan-out", "jobs", "saturation", "readers", "many-jobs"),
    *("resume", "storm", "start", "stop", "memory", "hostile", "journal"),
    *("replicas", "replicas-through", "replicas-jobs", "replicas-storm", "replicas-stop"),
    *("rolling-restart", "soak"),
)
"""What can be measured; `all` is each of them.  Here, so that the command line loads no more."""


class BenchError(Exception):
    """Nothing was measured.  The message is for people."""
