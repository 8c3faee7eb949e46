"""The process that forks for `forked.py`: it has imported what the MCP server of the tests needs.

    python forking.py SOCKET

It listens at SOCKET until its standard input ends.  A new interpreter would import for most of a
second before the server speaks.
"""

import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

WANTED: Final = (
    *("anyio._backends._asyncio", "mcp.server.lowlevel.server", "mcp.server.stdio"),
    *("mcp.server.streamable_http_manager", "mcp.server.subscriptions"),
    *("uvicorn.lifespan.on", "uvicorn.loops.auto", "uvicorn.protocols.http.auto"),
)
MOST: Final = 65_536  # bytes of an order


def main(path: str) -> None:
    for name in WANTED:
        import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            order, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                watch(order)
                return
            order.close()


def watch(order: socket.socket) -> None:
    """Fork the script's process, end it where the order's sender is gone, and tell its status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    data, given, _, _ = socket.recv_fds(order, MOST, 3)
    pid = os.fork()
    if pid == 0:
        order.close()
        become(json.loads(data), given)
        return
    for each in given:
        os.close(each)
    ended = os.pidfd_open(pid)
    if ended not in select.select([order.fileno(), ended], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(BrokenPipeError):
        order.send(b"%d" % (status if status >= 0 else 1))


def become(run: dict[str, Any], given: list[int]) -> None:
    """Run the script as `__main__`, as an interpreter begun with it does."""
    for number, each in enumerate(given):
        os.dup2(each, number)
        os.close(each)
    os.chdir(run["folder"])
    os.environ.clear()
    os.environ.update(run["variables"])
    sys.argv = run["arguments"]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
