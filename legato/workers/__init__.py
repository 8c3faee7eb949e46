"""Several processes that serve on a common port, and the parent that starts and watches the
processes.

- `embedded`: a Redis of our own for the processes of a machine: a Valkey that lives as long as the
  parent
- `folder`: the folder of our own Redis, used by a single server at a time
- `parent`: `legato serve --workers N`: opens shared sockets and storage, and watches the workers
  until the end
- `processes`: the workers, each owned by a task of the parent, which starts a dead worker again
- `protocol`: the lines between parent and worker, over the worker's standard input and output
- `replicas`: the parent's first words to its own Redis
- `valkey`: a Valkey server as a process, started again on the same port after a death
- `worker`: a worker process: the server of `legato.http`, on sockets that the parent opened
"""


class WorkersError(Exception):
    """The workers could not be started, or be kept running.  The message is for people."""
