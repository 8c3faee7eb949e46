"""The clock of the wire."""

import time


def milliseconds() -> int:
    """Now, in milliseconds since 1970."""
    return int(time.time() * 1000)
