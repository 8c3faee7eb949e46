"""Legato beside a Node server that only writes frames: `python -m benchmarks.node_floor`.

The server is the least that Node can do for the same readers: a timer for each generation, and at
each tick one chunk, a frame as long as Legato's, made once and written to each reader's socket.  It
has no users, logs, cursors, journal or endings.  Both servers are measured in turns, for one
generation with 1,000 readers and for 500 generations with a reader each, at 50 tokens a second.  A
token's cost is the server's processor time in a window of six seconds, by the tokens that came.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Final

from legato.bench.conditions import conditions
from legato.bench.processes import hear, running
from legato.bench.scenarios.steady import Steady, generate, per_million
from legato.bench.servers.served import FRAME, Served, floor_targets
from legato.bench.tasks import Listening, Window

TURNS: Final = 5
LOADS: Final = (Steady(readers=1000), Steady(jobs=500))

_SERVER: Final = """
const http = require("node:http");
const [, rate, delay, frame] = process.argv;
const [begin, end] = JSON.parse(frame).split("%d");
const readers = new Map();  // the responses of each generation, by its path
function tell(generation) {
  const stamped = begin + process.hrtime.bigint() + end;
  const chunk = Buffer.from(`${stamped.length.toString(16)}\\r\\n${stamped}\\r\\n`);
  for (const response of generation) response.socket.write(chunk);
}
const server = http.createServer((request, response) => {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  response.flushHeaders();
  let generation = readers.get(request.url);
  if (generation === undefined) {
    readers.set(request.url, (generation = new Set()));
    setTimeout(() => setInterval(tell, 1000 / rate, generation), 1000 * delay);
  }
  generation.add(response);
  response.on("close", () => generation.delete(response));
});
server.listen(0, "127.0.0.1", 4096, () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
"""


@contextmanager
def node(steady: Steady, delay: float) -> Iterator[Served]:
    """A server whose generations speak `delay` seconds after their first reader came."""
    program = shutil.which("node")
    if program is None:
        sys.exit("benchmarks.node_floor needs Node.js, and found no `node` on the path")
    command = ("-e", _SERVER, str(steady.rate), str(delay), json.dumps(FRAME))
    with running(command, program=program) as process:
        yield Served(hear(process, Listening).port, process.pid)


def of_node(steady: Steady) -> Window:
    with node(steady, delay=0.1) as served:
        readers = floor_targets(steady.jobs) * steady.readers
        return generate(served, readers, 1, warm_up=steady.warm_up, window=steady.window)


def main() -> None:
    print(conditions())
    for steady in LOADS:
        ours, theirs = [], []
        for _ in range(TURNS):
            ours.append(per_million(steady.ours()))
            theirs.append(per_million(of_node(steady)))
        print(
            f"{steady}: Legato {median(ours):.1f} µs a token ({min(ours):.1f} to {max(ours):.1f}), "
            f"Node {median(theirs):.1f} ({min(theirs):.1f} to {max(theirs):.1f}), "
            f"{median(ours) / median(theirs):.2f} times"
        )


if __name__ == "__main__":
    main()
