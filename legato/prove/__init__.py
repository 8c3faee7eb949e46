"""The command `legato prove`: whole clusters on a mock clock, with every fault there is, by
seed.

- `client`: a client that makes of the frames what a front end does
- `command`: the command: runs seeds on all cores, and prints in words what came of them
- `comparison`: compares what everybody was told of one job with the one history that there is
- `ending`: the end of a simulation: all faults are over, all comes to rest, and everything is
  compared
- `exemptions`: exemptions: states of a cluster in which a check does not look, each by its name
- `model`: the trivial model: what was asked for, what was answered, and what must therefore hold
- `provider`: the model that all replicas ask, and what it is asked for at the moment
- `readers`: readers: clients that keep their cursor, and come back until they have the ending
- `records`: records in memory that fail, hang and lie as they are told to
- `run`: one run: a schedule happens to a cluster on the mock clock, always in the same way
- `schedule`: schedules: all that happens to one cluster, drawn from a seed, as plain data
- `seats`: several replicas in one process, on a world that fails
- `shrink`: shrinking: what is left of a schedule that breaks the promise once all else is taken
  out
- `simulation`: a simulation: one cluster while a schedule happens to it, and what its clients are
  told
- `world`: the storage that all replicas share, and each one's way to it, failing as told to
"""


class ProveError(Exception):
    """The promise was broken.  The message is for people."""
