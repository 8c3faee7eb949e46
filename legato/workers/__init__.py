"""Several processes that serve on one port, and the one that starts them and watches over them."""


class WorkersError(Exception):
    """They could not be started, or be kept running.  The message is for people."""
