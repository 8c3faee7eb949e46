"""Runs a script in a process that has the script's imports already, forked from `forking.py`.

    python -I -S forked.py SOCKET SCRIPT ARGUMENT…

The forked process has this process's input, outputs, folder and variables, and ends with this
process: when this process is killed, or told to end by SIGTERM.
"""

import json
import os
import signal
import socket
import sys


def main(path: str, arguments: list[str]) -> int:
    """The script's exit status; 1 where a signal ended the script."""
    run = {"arguments": arguments, "folder": os.getcwd(), "variables": dict(os.environ)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as order:
        order.connect(path)
        signal.signal(signal.SIGTERM, lambda *_: order.shutdown(socket.SHUT_WR))
        socket.send_fds(order, [json.dumps(run).encode()], [0, 1, 2])
        return int(order.recv(16) or 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
