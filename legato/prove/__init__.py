"""The command `legato prove`: whole clusters on a mock clock, with every fault there is, by
seed.

- `answering`: answers to runs that ask, given at any replica
- `client`: a client that reads the frames as a front end does
- `command`: the command: runs seeds on all cores, and prints the outcome in words
- `comparison`: compares all replies and streams of a job with the job's only history
- `ending`: the end of a simulation: faults cease, the cluster comes to rest, everything is compared
- `exemptions`: exemptions: states of a cluster in which a check is left out, each by its name
- `leaving`: a replica told to go, and to be gone in time
- `model`: the trivial model: requests, answers, and the properties that follow from both
- `provider`: the provider of all replicas, with the requests that are open at the moment
- `readers`: readers: clients with a cursor, each coming back until the ending is read
- `records`: records in memory that fail, hang and lie on demand
- `requests`: requests of clients at a replica: starts, readers, stops, and jobs to let go of
- `result`: a schedule that was run, and all that happened
- `run`: one run: a schedule happens to a cluster on the mock clock, always in the same way
- `runs`: checks agents' runs by their tools, which know every call
- `schedule`: schedules: all that happens to one cluster, drawn from a seed, as plain data
- `seats`: several replicas in one process, on a shared memory that fails
- `shrink`: shrinking: the shortest schedule found that still breaks the promise
- `simulation`: a simulation: a cluster during a schedule, and all that the cluster's clients are
  told
- `tools`: the tools of all replicas, with every call that was ever made
- `world`: the storage shared by all replicas, and each replica's access, failing on demand
"""


class ProveError(Exception):
    """The promise was broken.  The message is for people."""
