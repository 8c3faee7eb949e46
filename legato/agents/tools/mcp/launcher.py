"""Begins a server's process, known to the guardian before the server itself runs.

    python launcher.py GUARDIAN COMMAND ARGUMENT…

This file runs alone, with nothing but the standard library, in a process group of its own.
`GUARDIAN`: the descriptor of the guardian's input, which the server does not inherit.
"""

import os
import sys
from contextlib import suppress


def main(arguments: list[str]) -> int:
    """Become the server.  Return only where the server's program cannot be begun."""
    guardian, command = int(arguments[0]), arguments[1:]
    with suppress(BrokenPipeError):  # without a guardian a server ends with its input alone
        os.write(guardian, b"+%d\n" % os.getpgrp())
    os.close(guardian)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
    return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
