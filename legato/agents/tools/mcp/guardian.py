"""Ends the process groups of servers whose Legato was killed.

This file runs alone, as a process of its own, with nothing but the standard library.  Standard
input brings a line for each server: `+` and the process group when the server begins, `-` and the
group when it has ended.  The end of that input comes also where Legato dies of SIGKILL; then every
group that has not ended is killed, with the processes that a server has started itself.
"""

import os
import signal
import sys
from collections.abc import Iterable


def watch(lines: Iterable[str]) -> set[int]:
    """Read to the end of `lines`.  Return the process groups that have not ended."""
    groups: set[int] = set()
    for line in lines:
        sign, number = line[:1], line[1:].strip()
        if number.isdecimal():
            (groups.add if sign == "+" else groups.discard)(int(number))
    return groups


def main() -> None:
    # Signals to a terminal's whole group are for Legato, which ends its servers itself.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for group in watch(sys.stdin):
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


if __name__ == "__main__":
    main()
