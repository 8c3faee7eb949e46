"""The least that stands between a provider and a reader: a pipe that hands bytes on unread.

One in Python on Trio's sockets, and, where there is Node, two of its own: its HTTP client's
response piped, and a fetch's.  None has users, logs, cursors, a journal or an ending.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

import trio

from legato.bench import BenchError
from legato.bench.processes import hear, running, tell
from legato.bench.servers.served import Served
from legato.bench.tasks import Listening, say, task

PYTHON: Final = "Python pipe"
FETCH: Final = "Node fetch pipe"
REQUEST: Final = "Node http.request pipe"

_READ: Final = 64 * 1024
_NODE: Final = """
const http = require("node:http");
const { Readable } = require("node:stream");
const [, kind, port] = process.argv;
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
const head = { "Content-Type": "text/event-stream" };
async function fetched(request, response) {
  const answer = await fetch(`http://127.0.0.1:${port}${request.url}`);
  response.writeHead(200, head);
  Readable.fromWeb(answer.body).pipe(response);
}
function requested(request, response) {
  http.get({ host: "127.0.0.1", port, path: request.url, agent }, (answer) => {
    response.writeHead(200, head);
    answer.pipe(response);
  });
}
process.on("uncaughtException", () => {});  // a reader that leaves
const server = http.createServer(kind === "fetch" ? fetched : requested);
server.listen(0, "127.0.0.1", 4096, () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
"""


def pipes() -> list[str]:
    """Those that can run here."""
    return [PYTHON, FETCH, REQUEST] if shutil.which("node") else [PYTHON]


@contextmanager
def pipe(name: str, upstream: int) -> Iterator[Served]:
    """One of `pipes()`, in front of what listens at the port `upstream`.

    Raises:
        BenchError: it cannot run here.
    """
    if name not in pipes():
        raise BenchError(f"{name}: what it runs on is not there")
    with _started(name, upstream) as process:
        yield Served(hear(process, Listening).port, process.pid)


@contextmanager
def _started(name: str, upstream: int) -> Iterator[subprocess.Popen[bytes]]:
    if name == PYTHON:
        with running(("-m", "legato.bench.servers.pipes")) as process:
            tell(process, Listening(upstream))
            yield process
        return
    kind = "fetch" if name == FETCH else "request"
    node = shutil.which("node") or "node"
    with running(("-e", _NODE, kind, str(upstream)), program=node) as process:
        yield process


async def _serve(upstream: int) -> None:
    async with trio.open_nursery() as nursery:
        handler = partial(_hand_on, upstream)
        listeners = await nursery.start(partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        say(Listening(listeners[0].socket.getsockname()[1]))


async def _hand_on(upstream: int, client: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):  # the reader left
        async with client, await trio.open_tcp_stream("127.0.0.1", upstream) as provider:
            await provider.send_all(await client.receive_some(_READ))
            while read := await provider.receive_some(_READ):
                await client.send_all(read)


if __name__ == "__main__":
    trio.run(_serve, task(Listening).port)
