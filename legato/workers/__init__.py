"""Several processes that serve on one port, and the one that starts them and watches over them.

- `embedded`: a Redis of our own, for processes on one machine: a Valkey that lives as long as the
  parent
- `folder`: the folder of our own Redis, which one server at a time has
- `parent`: `legato serve --workers N`: opens what the workers share, and watches over them until
  the end
- `processes`: the workers as the parent has them: one task owns one of them, and starts it again
  if it dies
- `protocol`: what a worker is told by its standard input, and says by its standard output: lines
- `replicas`: what the parent says to its own Redis, before anybody else does
- `valkey`: a Valkey server as a process that is started again when it dies, on the same port
- `worker`: one of the processes: the server of `legato.http`, on sockets that the parent opened
"""


class WorkersError(Exception):
    """They could not be started, or be kept running.  The message is for people."""
