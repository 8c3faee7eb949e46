"""The command `legato bench`: figures that anybody can measure again, each beside a floor's.

A floor is the least that a server in Python can do with the same bytes.  The rooms, each above the
room before: `servers` (the processes that are measured), `load` (the clients, as processes of
their own), `scenarios` (one module for each group of figures).

- `client`: a keep-alive connection to a server, used by requests in turn
- `command`: the table of scenarios by name, and the lines that the command prints of each
- `conditions`: the machine and versions behind a figure; medians and percentiles
- `counting`: counts and lags from a stream's raw bytes, wherever the reads split them
- `processes`: the processes of a measurement: begun, looked at from outside, and always ended
- `readers`: many connections that follow streams, read by one thread without waiting for any
- `report`: a scenario, the figures of its runs, and the table in which they are shown
- `tasks`: the messages between the processes of a measurement, each a line of JSON
"""

from typing import Final

NAMES: Final = (
    *("fan-out", "jobs", "saturation", "readers", "many-jobs"),
    *("resume", "storm", "start", "stop", "memory", "hostile", "journal"),
    *("replicas", "replicas-through", "replicas-jobs", "replicas-storm", "replicas-stop"),
    *("rolling-restart", "storage-faults", "soak", "upstream", "agents", "steer"),
)
"""The names of all scenarios; `all` is every scenario.  Kept here so that the command line need not
load the scenarios."""


class BenchError(Exception):
    """Nothing was measured.  The message is for people."""
