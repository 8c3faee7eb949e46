"""The command `legato prove`: whole clusters on a mock clock, with every fault there is, by seed.

Layout: `schedule` draws what happens, as plain data; `rules` does it to the `simulation`, which is
made of `seats` (replicas) on a `world` and `records` that fail, a `provider` and `readers`;
`model` and `ending` check the promise; `run` is one seed, `shrink` makes a schedule that breaks it
short, and `command` splits the seeds among processes.
"""


class ProveError(Exception):
    """The promise was broken.  The message is for people."""
